import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeAtomically } from '../atomic.js';

/**
 * A small file that outlives kills and power cuts: written whole or not at all, and on the disk itself before `save` resolves.
 * Of contents that come faster than the disk, the newest is written.
 */
export class StateFile {
  #writing: Promise<void> | undefined;
  #next: { content: string; written: Promise<void> } | undefined;

  constructor(readonly path: string) {}

  /** The content; undefined where there is no such file. @throws what the file system throws otherwise */
  async read(): Promise<string | undefined> {
    try {
      return await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Resolves when this content, or a newer one, is on the disk. @throws what the file system throws */
  save(content: string): Promise<void> {
    if (this.#next) {
      this.#next.content = content;
      return this.#next.written;
    }
    const next = { content, written: Promise.resolve() };
    this.#next = next;
    const before = this.#writing ?? Promise.resolve();
    next.written = before
      .catch(() => undefined)
      .then(async () => {
        this.#next = undefined;
        await this.#write(next.content);
      });
    this.#writing = next.written;
    return next.written;
  }

  async #write(content: string): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true });
    await writeAtomically(this.path, content);
  }
}
