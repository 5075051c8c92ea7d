import { availableParallelism } from 'node:os';
import type { AugmentConfig } from '../augment.js';
import { keptImage } from './kept.js';
import type { Prepared, Wanted } from './protocol.js';
import { spawn } from './spawn.js';
import { ThreadLink } from './thread-link.js';

/** Each has a batch and the pixels of a file in memory: more threads, more memory. */
const MAX_THREADS = 8;
/** Pixels kept in memory, in bytes: 5,000 images at 256x256. */
const CACHE_BYTES = 1_000_000_000;

/**
 * Decodes, resizes and augments images on threads of their own, because the engine blocks the main one. Images are as
 * {@link ImageLoader} has them; what was loaded once is kept in memory that all threads share, up to a limit. A result is moved, not copied.
 * Bits depend on what is asked for alone, not on the thread that does it or on when.
 */
export class ImageWorkers {
  readonly #closing = new SharedArrayBuffer(4);
  readonly #threads: readonly ThreadLink[];
  readonly #kept = new Map<string, SharedArrayBuffer>();
  readonly #maxKept: number;

  constructor(
    readonly size: number,
    threads = Math.max(1, Math.min(MAX_THREADS, availableParallelism() - 1)),
    spawned: typeof spawn = spawn,
  ) {
    const setup = { size, closing: this.#closing };
    this.#threads = Array.from({ length: threads }, () => new ThreadLink(spawned(setup)));
    this.#maxKept = Math.floor(CACHE_BYTES / (size * size * 3));
  }

  /** How many batches to order ahead: one for every thread, and the next for the first that is done. */
  get depth(): number {
    return this.#threads.length + 1;
  }

  /**
   * Prepares a batch on one thread: its images in their order and, where an augmentation is given, their second views.
   * @param keep whether they will be asked for again
   * @throws BeltsightError IMAGE_UNREADABLE, IMAGE_TOO_LARGE naming the file
   */
  prepare(images: readonly Wanted[], augmentation?: AugmentConfig, keep = true): Promise<Prepared> {
    const idle = this.#threads.reduce((least, thread) => (thread.load < least.load ? thread : least));
    const order = keep ? images.map((image) => ({ ...image, kept: this.#keep(image.file) })) : images;
    return idle.prepare({ images: order, augmentation });
  }

  /** Ends the threads; what they were asked for and have not done is refused. */
  async close(): Promise<void> {
    Atomics.store(new Int32Array(this.#closing), 0, 1);
    await Promise.all(this.#threads.map((thread) => thread.close()));
    this.#kept.clear();
  }

  #keep(file: string): SharedArrayBuffer | undefined {
    const known = this.#kept.get(file);
    if (known || this.#kept.size >= this.#maxKept) return known;
    const made = keptImage(this.size);
    this.#kept.set(file, made);
    return made;
  }
}
