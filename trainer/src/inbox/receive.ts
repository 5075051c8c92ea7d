import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BeltsightError, contentDigest, type InboxPlace } from '@beltsight/sdk';
import sharp from 'sharp';
import { fileDigest } from '../file-digest.js';
import { syncFolder } from '../train/atomic.js';

/** A picture larger than this is refused: a lossless frame of 20 million pixels takes less. */
const MAX_BYTES = 64 * 2 ** 20;

/** Why a picture is not taken. */
export class Refused extends Error {
  constructor(
    /** HTTP status. */
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** A folder in MVTec layout that pictures of good products are put into. */
export class Inbox {
  readonly #busy = new Set<string>();

  constructor(private readonly folder: string) {}

  /** Content-Digest of a picture that is there. */
  async digest(place: InboxPlace): Promise<string | undefined> {
    try {
      const { sha256 } = await fileDigest(this.#fileOf(place));
      return contentDigest(Buffer.from(sha256, 'hex'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /**
   * Takes a picture: it is there whole, with the digest that was promised and decodable, or not at all.
   * @param promised its Content-Digest
   * @param about JSON for the class's collected.jsonl; it is there before the picture is
   * @returns whether it is new
   * @throws Refused with the status and what is wrong
   */
  async take(place: InboxPlace, promised: string, about: object, body: AsyncIterable<Buffer>): Promise<boolean> {
    const file = this.#fileOf(place);
    const there = await this.digest(place);
    if (there !== undefined) {
      if (there === promised) return false;
      throw new Refused(409, `${place.className}/${place.file} is there already, and is another picture.`);
    }
    if (this.#busy.has(file)) throw new Refused(409, `${place.className}/${place.file} is being sent already.`);
    this.#busy.add(file);
    const part = `${file}.part`;
    try {
      await mkdir(join(this.folder, place.className, 'train', 'good'), { recursive: true });
      const digest = await write(part, body);
      if (digest !== promised)
        throw new Refused(400, `The body's digest is ${digest}, not ${promised}: send it again.`);
      await requirePng(part);
      // Before the picture: one that is there is never sent again. If it does not get there now, the line comes twice, which does no harm.
      await appendLine(join(this.folder, place.className, 'collected.jsonl'), { file: place.file, ...about });
      await rename(part, file);
      // The device removes what it was told is here.
      await syncFolder(dirname(file));
      return true;
    } catch (error) {
      throw refusal(error);
    } finally {
      this.#busy.delete(file);
      await rm(part, { force: true }).catch(() => undefined);
    }
  }

  #fileOf({ className, file }: InboxPlace): string {
    return join(this.folder, className, 'train', 'good', file);
  }
}

async function write(file: string, body: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  const handle = await open(file, 'w');
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) throw new Refused(413, `A picture may have ${MAX_BYTES / 2 ** 20} MiB.`);
      hash.update(chunk);
      await handle.write(chunk);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return contentDigest(hash.digest());
}

/** Appends a line of JSON that a power cut after this does not take. One that was cut off before is left alone on its own line. */
async function appendLine(file: string, value: object): Promise<void> {
  const handle = await open(file, 'a+');
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
    const isTorn = bytesRead > 0 && buffer.toString() !== '\n';
    await handle.appendFile(`${isTorn ? '\n' : ''}${JSON.stringify(value)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncFolder(dirname(file));
}

async function requirePng(file: string): Promise<void> {
  try {
    const { format } = await sharp(file, { failOn: 'error' }).metadata();
    if (format === 'png') {
      await sharp(file, { failOn: 'error' }).stats();
      return;
    }
  } catch {}
  throw new Refused(415, 'The body is no PNG that can be decoded.');
}

function refusal(error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof Refused) return error;
  if (code === 'ENOSPC' || code === 'EDQUOT') return new Refused(507, 'The disk of the inbox is full.');
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') return new Refused(400, 'The sender went away.');
  return new BeltsightError('IO_FAILED', `The inbox cannot be written: ${message}.`, { cause: error });
}

/** @throws BeltsightError IO_FAILED if the folder cannot be made or is none */
export async function openInbox(folder: string): Promise<Inbox> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw new BeltsightError('IO_FAILED', `${folder} cannot be an inbox: ${(cause as Error).message}.`, { cause });
  }
  return new Inbox(folder);
}
