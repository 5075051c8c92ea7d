import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { TrustedMetadataStore } from 'tuf-js/dist/store.js';
import { z } from 'zod';
import { makeFolder, writeAtomically } from '../../atomic.js';
import { checked, digested } from '../store/digested.js';

const fileSchema = z.object({
  schema: z.literal('beltsight.trusted/1'),
  /** SHA-256 of the installed root that they follow from; older files do not say. */
  root: z.string().optional(),
  files: z.record(z.string().regex(/^[A-Za-z0-9_.~%-]+\.json$/), z.string()),
});

/** What was verified, and the digest of the installed root that it follows from. */
interface Trusted {
  readonly root: string | undefined;
  readonly files: Readonly<Record<string, string>>;
}

const PROBE = 'probe';
/** More than file systems keep inside a folder entry. */
const PROBE_BYTES = 8192;

/** Roots and versions that the device has verified: whatever claims to be newer must follow from them. */
export class TrustedMetadata {
  /**
   * @param file where they are kept, all in one: a power cut leaves the old or the new
   * @param root the first root of the repository, installed with the device
   */
  constructor(
    private readonly file: string,
    private readonly root: string,
    private readonly warn: (line: string) => void,
  ) {}

  /**
   * Lays the metadata out in a folder for `use`, and keeps what was verified there, also when `use` fails: a root that was seen
   * is never forgotten.
   * @throws BeltsightError IO_FAILED if the disk is to blame, CONFIG_INVALID for the installed root, and what `use` throws
   */
  async with<T>(use: (folder: string) => Promise<T>): Promise<T> {
    const before = await this.#load();
    // One place, so that what a killed process leaves there is not left for good.
    const folder = `${this.file}.open`;
    await this.#onDisk(async () => {
      await rm(folder, { recursive: true, force: true });
      await makeFolder(folder);
      for (const [name, content] of Object.entries(before.files)) await writeFile(join(folder, name), content);
    });
    try {
      return await use(folder);
    } catch (error) {
      // The library hides what the disk said: it is asked again.
      await this.#onDisk(() => writeFile(join(folder, PROBE), Buffer.alloc(PROBE_BYTES)));
      throw error;
    } finally {
      await this.#onDisk(async () => {
        await this.#save(before, await contentOf(folder)).finally(() => rm(folder, { recursive: true, force: true }));
      });
    }
  }

  async #load(): Promise<Trusted> {
    const kept = await this.#kept();
    if (!kept) return startFrom(await this.#firstRoot());
    const installed = await readFile(this.root, 'utf8').catch(() => '');
    if (digestOf(installed) === kept.root) return kept;
    if (!isSound(installed)) {
      // Most likely a disk that forgets: what it has led to holds.
      this.warn(
        `${this.root} (update.root) is gone, damaged, or no root: what was trusted before still is. Bring it anew.`,
      );
      return kept;
    }
    if (kept.root === undefined) {
      const known = { ...kept, root: digestOf(installed) };
      await this.#onDisk(() => this.#write(known));
      return known;
    }
    this.warn(
      `${this.root} (update.root) is another one than before: trust starts again from it, and what was known of the repository is forgotten.`,
    );
    return startFrom(installed);
  }

  /** undefined: nothing, or nothing whole. */
  async #kept(): Promise<Trusted | undefined> {
    let text: string;
    try {
      text = await readFile(this.file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      text = '';
    }
    const content = checked(text);
    const parsed = content === undefined ? undefined : fileSchema.safeParse(JSON.parse(content));
    if (parsed?.data?.files['root.json'] !== undefined) return { root: parsed.data.root, files: parsed.data.files };
    // A disk that forgets is a reason to worry, not to stop: the installed root still tells friend from foe.
    this.warn(
      `${this.file} is damaged: trust starts again from the installed root, and an older state of the repository may be taken.`,
    );
    return undefined;
  }

  async #save({ root, files: before }: Trusted, files: Trusted['files']): Promise<void> {
    if (JSON.stringify(before) !== JSON.stringify(files)) await this.#write({ root, files });
  }

  async #write(trusted: Trusted): Promise<void> {
    await writeAtomically(this.file, digested(JSON.stringify({ schema: 'beltsight.trusted/1', ...trusted })));
  }

  async #onDisk(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (cause) {
      const message = `${this.file} cannot be written: ${(cause as Error).message}.`;
      throw new BeltsightError('IO_FAILED', message, { cause });
    }
  }

  async #firstRoot(): Promise<string> {
    return readFile(this.root, 'utf8').catch((cause: Error) => {
      throw new BeltsightError(
        'CONFIG_INVALID',
        `${this.root} (update.root) cannot be read: ${cause.message}. Copy metadata/1.root.json of the repository there.`,
        { cause },
      );
    });
  }
}

function startFrom(installed: string): Trusted {
  return { root: digestOf(installed), files: { 'root.json': installed } };
}

/** Whether a root is one, signed by its own keys: not what a disk has made of it. */
function isSound(root: string): boolean {
  try {
    new TrustedMetadataStore(Buffer.from(root));
    return true;
  } catch {
    return false;
  }
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function contentOf(folder: string): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const name of (await readdir(folder)).sort()) {
    if (name.endsWith('.json')) content[name] = await readFile(join(folder, name), 'utf8');
  }
  return content;
}
