import { readSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeFrame, type Frame, frameBytes, HEADER_BYTES, type Importance, nextFrame } from './record.js';

/** Names of segments: their order, and what is in them. */
const NAME = /^(\d{9})\.(picture|result)$/;

export interface SegmentName {
  readonly number: number;
  readonly importance: Importance;
}

/** What the name of a file says; undefined if it is no segment. */
export function parseName(name: string): SegmentName | undefined {
  const [, number, importance] = NAME.exec(name) ?? [];
  return number === undefined ? undefined : { number: Number(number), importance: importance as Importance };
}

export const pathOf = (folder: string, { number, importance }: SegmentName): string =>
  join(folder, `${String(number).padStart(9, '0')}.${importance}`);

/** Read in one go: most records fit. */
const READ_BYTES = 4096;

/** One file of the store: frames one after the other, only ever appended to. */
export class Segment {
  /** Records in it that were not taken out. */
  live = 0;

  private constructor(
    readonly name: SegmentName,
    readonly file: string,
    private readonly handle: FileHandle,
    /** Bytes written. */
    public size: number,
  ) {}

  /** @throws what the file system throws, also where there is such a file */
  static async create(folder: string, name: SegmentName): Promise<Segment> {
    const file = pathOf(folder, name);
    return new Segment(name, file, await open(file, 'ax+'), 0);
  }

  /** A segment of an earlier process, which is not written any more. */
  static async open(folder: string, name: SegmentName): Promise<Segment> {
    const file = pathOf(folder, name);
    const handle = await open(file, 'r');
    try {
      return new Segment(name, file, handle, (await handle.stat()).size);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** @throws what the file system throws; a part may be written then, which readers pass over */
  async append(bytes: Buffer): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      written += (await this.handle.write(bytes, written)).bytesWritten;
    }
    this.size += bytes.length;
  }

  /** Flushes what was appended, so that it outlives a power cut. */
  async sync(): Promise<void> {
    await this.handle.datasync();
  }

  /** All sound frames with their offsets, and how many damaged places lie before or between them. */
  async scan(): Promise<{ frames: [offset: number, frame: Frame][]; damaged: number }> {
    const bytes = Buffer.allocUnsafe(this.size);
    const { bytesRead } = await this.handle.read(bytes, 0, this.size, 0);
    const content = bytes.subarray(0, bytesRead);
    const frames: [number, Frame][] = [];
    let [damaged, sound] = [0, true];
    for (let offset: number | undefined = 0; offset !== undefined && offset < content.length; ) {
      const frame = decodeFrame(content, offset);
      if (frame) {
        // What follows nothing sound is the torn end of a write, not damage.
        if (!sound) damaged++;
        sound = true;
        frames.push([offset, frame]);
        offset += frameBytes(content, offset) as number;
      } else {
        sound = false;
        offset = nextFrame(content, offset + 1);
      }
    }
    return { frames, damaged };
  }

  /** The frame at an offset. @throws what the file system throws */
  async read(offset: number): Promise<Frame | undefined> {
    let bytes = Buffer.allocUnsafe(READ_BYTES);
    const { bytesRead } = await this.handle.read(bytes, 0, READ_BYTES, offset);
    if (bytesRead < HEADER_BYTES) return undefined;
    const length = frameBytes(bytes);
    if (length === undefined || offset + length > this.size) return undefined;
    if (length > bytesRead) {
      bytes = Buffer.allocUnsafe(length);
      await this.handle.read(bytes, 0, length, offset);
    }
    return decodeFrame(bytes);
  }

  /** As `read`, at once. */
  readNow(offset: number): Frame | undefined {
    const header = Buffer.allocUnsafe(HEADER_BYTES);
    if (readSync(this.handle.fd, header, 0, HEADER_BYTES, offset) < HEADER_BYTES) return undefined;
    const length = frameBytes(header);
    if (length === undefined || offset + length > this.size) return undefined;
    const bytes = Buffer.allocUnsafe(length);
    readSync(this.handle.fd, bytes, 0, length, offset);
    return decodeFrame(bytes);
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  async delete(): Promise<void> {
    await this.close();
    await rm(this.file, { force: true });
  }
}
