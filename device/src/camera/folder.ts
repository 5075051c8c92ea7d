import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import type { FolderSource } from '../config/schema.js';
import { pause } from '../pause.js';
import { decodeImage } from './decode.js';
import type { Camera, CameraFault, Frame } from './frame.js';

/** BMP, which is not read, is among them: an image that is left out shall be named. */
const IMAGE = /\.(png|jpe?g|webp|bmp|tiff?)$/i;
/** With every image of the folder unreadable, it is looked at again after this. */
const RETRY_MS = 1000;

/** Replays the images of a folder and its sub-folders, in the order of their names or shuffled, as a camera would see them. */
export class FolderCamera implements Camera {
  readonly paced: boolean;
  readonly #periodMs: number;

  constructor(
    readonly name: string,
    private readonly source: FolderSource,
  ) {
    this.paced = source.rateHz !== null;
    this.#periodMs = source.rateHz === null ? 0 : 1000 / source.rateHz;
  }

  async check(): Promise<string> {
    const [first] = await this.#files();
    if (first !== undefined) await decodeImage(first);
    return this.source.path;
  }

  async *frames(signal: AbortSignal): AsyncGenerator<Frame | CameraFault> {
    const { path, loop, shuffle, seed } = this.source;
    let sequence = 0;
    let due = performance.now();
    for (let round = 0; !signal.aborted; round++) {
      const files = await this.#files();
      let decoded = 0;
      for (const file of shuffle ? shuffled(files, seed + round) : files) {
        due = Math.max(due + this.#periodMs, performance.now());
        const source = relative(path, file).split(sep).join('/');
        try {
          const picture = await decodeImage(file);
          if (!(await pause(due - performance.now(), signal))) return;
          decoded++;
          yield { ...picture, sequence: sequence++, capturedMs: performance.now(), source };
        } catch (error) {
          if (!(error instanceof BeltsightError)) throw error;
          yield { fault: error.message };
        }
        if (signal.aborted) return;
      }
      if (!loop) return;
      if (decoded === 0 && !(await pause(RETRY_MS, signal))) return;
    }
  }

  async #files(): Promise<string[]> {
    const { path } = this.source;
    try {
      const entries = await readdir(path, { withFileTypes: true, recursive: true });
      const files = entries
        .filter((entry) => entry.isFile() && IMAGE.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name));
      if (files.length > 0) return files.sort();
    } catch (cause) {
      const { message } = cause as Error;
      throw new BeltsightError('CAMERA_FAILED', `Camera "${this.name}" cannot read folder ${path}: ${message}.`, {
        cause,
      });
    }
    throw new BeltsightError(
      'CAMERA_FAILED',
      `Camera "${this.name}" finds no image in ${path}: put PNG, JPEG, WebP or TIFF files there, or correct cameras.source.path.`,
    );
  }
}

/** Fisher-Yates with a small generator (mulberry32): the same seed gives the same order. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const result = [...items];
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}
