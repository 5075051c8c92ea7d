import { appendFile, mkdir, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { PART, writeAtomically } from '../atomic.js';
import type { RgbPicture } from '../camera/rgb.js';
import { pngOf } from './png.js';
import { thumbnailOfFile } from './thumbnail.js';

export interface StoreLimits {
  /** Bytes that the images of the class may take. */
  readonly quotaBytes: number;
  /** Bytes that must stay free on the disk. */
  readonly reserveBytes: number;
}

/**
 * The good images of one class in MVTec layout, `<folder>/<class>/train/good/*.png`, which `beltsight train` takes as it is, and beside them
 * `<folder>/<class>/collected.jsonl`, a line on each. An image is there whole or not at all.
 */
export class ImageStore {
  private constructor(
    private readonly classFolder: string,
    private readonly limits: StoreLimits,
    /** Names of the images that are there. */
    readonly files: string[],
    private bytes: number,
  ) {}

  /** @throws BeltsightError IO_FAILED */
  static async open(folder: string, className: string, limits: StoreLimits): Promise<ImageStore> {
    const classFolder = join(folder, className);
    const images = join(classFolder, 'train', 'good');
    try {
      await mkdir(images, { recursive: true });
      const names = await readdir(images);
      // What a power cut left behind.
      for (const name of names.filter((name) => name.endsWith(PART))) await rm(join(images, name));
      const files = names.filter((name) => name.endsWith('.png')).sort();
      let bytes = 0;
      for (const name of files) bytes += (await stat(join(images, name))).size;
      return new ImageStore(classFolder, limits, files, bytes);
    } catch (cause) {
      throw writeFailed(images, cause);
    }
  }

  /** Thumbnails of all images that are there; one that cannot be read is left out. */
  async thumbnails(): Promise<Uint8Array[]> {
    const found: Uint8Array[] = [];
    for (const name of this.files) {
      const thumbnail = await thumbnailOfFile(this.#path(name)).catch(() => undefined);
      if (thumbnail) found.push(thumbnail);
    }
    return found;
  }

  /**
   * Writes an image without loss.
   * @param about what is worth knowing of it, as JSON
   * @throws BeltsightError IO_FAILED if quota or disk are used up, or it cannot be written
   */
  async add(picture: RgbPicture, capturedAt: number, about: object): Promise<string> {
    const png = await pngOf(picture);
    await this.#requireSpace(png.length);
    const name = this.#nameOf(capturedAt);
    try {
      await writeAtomically(this.#path(name), png);
      const line = { file: name, capturedAt: new Date(capturedAt).toISOString(), ...about };
      await appendFile(join(this.classFolder, 'collected.jsonl'), `${JSON.stringify(line)}\n`);
    } catch (cause) {
      throw writeFailed(this.#path(name), cause);
    }
    this.files.push(name);
    this.bytes += png.length;
    return name;
  }

  async #requireSpace(bytes: number): Promise<void> {
    const { quotaBytes, reserveBytes } = this.limits;
    const megabytes = (value: number) => `${Math.round(value / 2 ** 20)} MiB`;
    if (this.bytes + bytes > quotaBytes) {
      throw new BeltsightError(
        'IO_FAILED',
        `${this.classFolder} holds ${megabytes(this.bytes)} in ${this.files.length} images, its quota is ${megabytes(quotaBytes)}: take images away, or raise --quota.`,
      );
    }
    const { bavail, bsize } = await statfs(this.classFolder);
    if (bavail * bsize - bytes > reserveBytes) return;
    throw new BeltsightError(
      'IO_FAILED',
      `The disk of ${this.classFolder} has ${megabytes(bavail * bsize)} left, of which ${megabytes(reserveBytes)} are kept free: free some space.`,
    );
  }

  /** Named by time, so that images sort in the order they were taken; never a name that is there. */
  #nameOf(capturedAt: number): string {
    for (let at = capturedAt; ; at++) {
      const name = `${new Date(at).toISOString().replaceAll(':', '-')}.png`;
      if (!this.files.includes(name)) return name;
    }
  }

  #path(name: string): string {
    return join(this.classFolder, 'train', 'good', name);
  }
}

function writeFailed(path: string, cause: unknown): BeltsightError {
  if (cause instanceof BeltsightError) return cause;
  return new BeltsightError('IO_FAILED', `${path} cannot be written: ${(cause as Error).message}.`, { cause });
}
