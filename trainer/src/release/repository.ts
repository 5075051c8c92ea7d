import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { targetFile } from '@beltsight/sdk/release';
import { Metadata, MetadataKind, type Root, type Snapshot, type Targets, type Timestamp } from '@tufjs/models';
import { writeAtomically } from '../train/atomic.js';
import type { AnyMetadata } from './signers.js';

/** Everything that is signed in a repository at one moment. */
export interface Published {
  readonly root: Metadata<Root>;
  readonly targets: ReadonlyMap<string, Metadata<Targets>>;
  /**
   * Roles of scopes that are no more, as they last were: nothing delegates to them, but clients refuse a snapshot that lacks a file they have
   * seen (TUF specification, 5.5.5).
   */
  readonly retired: ReadonlyMap<string, Metadata<Targets>>;
  readonly snapshot: Metadata<Snapshot>;
  readonly timestamp: Metadata<Timestamp>;
}

/**
 * A TUF repository with consistent snapshots in a folder that any web server can serve: `metadata/`, `targets/`, and `blobs/`, the files of
 * bundles by their SHA-256. Nothing in it is ever changed but `timestamp.json`, which is written last and makes what was added visible.
 */
export class Repository {
  constructor(readonly folder: string) {}

  /** The newest root, signed or not by whom it should; undefined in an empty folder. */
  async root(): Promise<Metadata<Root> | undefined> {
    const versions = (await this.#names()).flatMap((name) => /^(\d+)\.root\.json$/.exec(name)?.[1] ?? []).map(Number);
    if (versions.length === 0) return undefined;
    return Metadata.fromJSON(MetadataKind.Root, await this.#json(`${Math.max(...versions)}.root.json`));
  }

  /** What says which state is the present one; undefined before the first time. */
  async timestamp(): Promise<Metadata<Timestamp> | undefined> {
    if (!(await this.#names()).includes('timestamp.json')) return undefined;
    return Metadata.fromJSON(MetadataKind.Timestamp, await this.#json('timestamp.json'));
  }

  /**
   * What is published now; undefined before the first time.
   * @throws BeltsightError RELEASE_INVALID if metadata are missing, damaged, or not signed as the root demands
   */
  async read(): Promise<Published | undefined> {
    const root = await this.root();
    const timestamp = await this.timestamp();
    if (!root || !timestamp) return undefined;
    const { version } = timestamp.signed.snapshotMeta;
    const snapshot = Metadata.fromJSON(MetadataKind.Snapshot, await this.#json(`${version}.snapshot.json`));
    const all = new Map<string, Metadata<Targets>>();
    for (const [file, meta] of Object.entries(snapshot.signed.meta)) {
      const role = file.replace(/\.json$/, '');
      all.set(role, Metadata.fromJSON(MetadataKind.Targets, await this.#json(`${meta.version}.${role}.json`)));
    }
    const scopes = all.get('targets')?.signed.delegations?.roles ?? {};
    const isTrusted = (role: string) => role === 'targets' || Object.hasOwn(scopes, role);
    const targets = new Map([...all].filter(([role]) => isTrusted(role)));
    const retired = new Map([...all].filter(([role]) => !isTrusted(role)));
    return { root, targets, retired, snapshot, timestamp };
  }

  /** Content of a target. */
  async target(path: string, sha256: string): Promise<Buffer> {
    const file = join(this.folder, targetFile(path, sha256));
    return readFile(file).catch((cause: Error) => {
      throw new BeltsightError('RELEASE_INVALID', `${file} is missing: restore the repository from a copy.`, { cause });
    });
  }

  async writeTarget(path: string, content: Uint8Array): Promise<void> {
    await writeAtomically(join(this.folder, targetFile(path, digestOf(content))), content);
  }

  /** @returns the bytes that were written */
  async writeMetadata(role: string, metadata: AnyMetadata): Promise<Buffer> {
    const bytes = encodeMetadata(metadata);
    const name = role === 'timestamp' ? 'timestamp.json' : `${metadata.signed.version}.${role}.json`;
    await writeAtomically(join(this.folder, 'metadata', name), bytes);
    return bytes;
  }

  /** Files of metadata. */
  #names(): Promise<string[]> {
    return readdir(join(this.folder, 'metadata')).catch(() => []);
  }

  // biome-ignore lint/suspicious/noExplicitAny: the library checks what it is given.
  async #json(name: string): Promise<any> {
    const file = join(this.folder, 'metadata', name);
    try {
      return JSON.parse(await readFile(file, 'utf8'));
    } catch (cause) {
      const message = `${file} is missing or damaged (${(cause as Error).message}): restore the repository from a copy.`;
      throw new BeltsightError('RELEASE_INVALID', message, { cause });
    }
  }
}

/** Metadata as they are stored and served. */
export function encodeMetadata(metadata: AnyMetadata): Buffer {
  return Buffer.from(`${JSON.stringify(metadata.toJSON(), null, 1)}\n`);
}

export function digestOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
