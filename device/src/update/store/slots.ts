import { createHash } from 'node:crypto';
import { copyFile, link, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { MANIFEST, manifestSchema } from '@beltsight/sdk/bundle';
import type { Release } from '@beltsight/sdk/release';
import { makeFolder, PART, syncFolder } from '../../atomic.js';
import type { BlobStore } from './blobs.js';
import type { Place, Slot } from './record.js';

/** Bundle folders of releases, made of links to blobs: two releases that share a file share its place on the disk. */
export class Slots {
  constructor(
    private readonly folder: string,
    private readonly factory: string,
    private readonly blobs: BlobStore,
  ) {}

  /** Bundle folder of a place. */
  path(place: Place): string {
    return place === 'factory' ? this.factory : join(this.folder, place);
  }

  /**
   * Lays a release out in a slot. Until it lies there whole, the slot is empty.
   * @throws BeltsightError IO_FAILED
   */
  async fill(slot: Slot, files: Release['files']): Promise<void> {
    const target = this.path(slot);
    const part = target + PART;
    try {
      await rm(target, { recursive: true, force: true });
      await rm(part, { recursive: true, force: true });
      const folders = new Set([part]);
      for (const [path, blob] of Object.entries(files)) {
        const file = join(part, path);
        await makeFolder(dirname(file));
        folders.add(dirname(file));
        await linkOrCopy(this.blobs.path(blob), file);
      }
      for (const each of folders) await syncFolder(each);
      await rename(part, target);
      await syncFolder(this.folder);
    } catch (cause) {
      throw new BeltsightError('IO_FAILED', `${target} cannot be written: ${(cause as Error).message}.`, { cause });
    }
  }

  /**
   * Makes sure that a slot holds the bundle that was laid out there: its manifest says what all other files must be.
   * @param manifest SHA-256 of the manifest
   * @throws BeltsightError BUNDLE_CORRUPT
   */
  async requireManifest(slot: Slot, manifest: string): Promise<void> {
    const path = join(this.path(slot), MANIFEST);
    const bytes = await readFile(path).catch((cause: Error) => {
      throw new BeltsightError('BUNDLE_CORRUPT', `${path} cannot be read: ${cause.message}.`, { cause });
    });
    if (sha256(bytes) === manifest) return;
    throw new BeltsightError('BUNDLE_CORRUPT', `${path} is not what was installed (its SHA-256 differs).`);
  }

  /** Digests of the files in a slot, as its own manifest names them; none where it cannot be read. */
  async digests(slot: Slot): Promise<readonly string[]> {
    try {
      const manifest = await readFile(join(this.path(slot), MANIFEST));
      const { files } = manifestSchema.parse(JSON.parse(manifest.toString()));
      return [sha256(manifest), ...Object.values(files).map(({ sha256 }) => sha256)];
    } catch {
      return [];
    }
  }

  async empty(slot: Slot): Promise<void> {
    await rm(this.path(slot), { recursive: true, force: true });
    await rm(this.path(slot) + PART, { recursive: true, force: true });
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** File systems without links exist: FAT on a memory card. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EXDEV' && code !== 'EMLINK') throw error;
    await copyFile(from, to);
    const handle = await open(to, 'r+');
    await handle.sync().finally(() => handle.close());
  }
}
