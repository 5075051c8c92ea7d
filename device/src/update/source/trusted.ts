import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { z } from 'zod';
import { writeAtomically } from '../../atomic.js';

const fileSchema = z.object({
  schema: z.literal('beltsight.trusted/1'),
  files: z.record(z.string().regex(/^[A-Za-z0-9_.~%-]+\.json$/), z.string()),
});

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
   */
  async with<T>(use: (folder: string) => Promise<T>): Promise<T> {
    await mkdir(dirname(this.file), { recursive: true });
    const folder = await mkdtemp(`${this.file}.`);
    try {
      const before = await this.#load();
      for (const [name, content] of Object.entries(before)) await writeFile(join(folder, name), content);
      try {
        return await use(folder);
      } finally {
        await this.#save(before, await contentOf(folder));
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #load(): Promise<Readonly<Record<string, string>>> {
    let text: string;
    try {
      text = await readFile(this.file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return { 'root.json': await this.#firstRoot() };
    }
    const parsed = fileSchema.safeParse(safeJson(text));
    if (parsed.success && parsed.data.files['root.json'] !== undefined) return parsed.data.files;
    // A disk that forgets is a reason to worry, not to stop: the installed root still tells friend from foe.
    this.warn(
      `${this.file} is damaged: trust starts again from the installed root, and an older state of the repository may be taken.`,
    );
    return { 'root.json': await this.#firstRoot() };
  }

  async #save(before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): Promise<void> {
    if (JSON.stringify(before) === JSON.stringify(after)) return;
    await writeAtomically(this.file, JSON.stringify({ schema: 'beltsight.trusted/1', files: after }));
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

async function contentOf(folder: string): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const name of (await readdir(folder)).sort()) {
    if (name.endsWith('.json')) content[name] = await readFile(join(folder, name), 'utf8');
  }
  return content;
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
