import type { FeedbackStatus, ResultMessage } from '@beltsight/sdk';
import type { Logger } from 'pino';
import { copied, type Frame } from '../camera/frame.js';
import { RgbConverter } from '../camera/rgb.js';
import { pngOf } from '../collect/png.js';
import { Bucket } from '../command/bucket.js';
import type { OrtApi } from '../score/ort/api.js';
import { digestOf, type KeptFrames } from './frames.js';
import type { FeedbackConfig } from './schema.js';

export interface KeeperParts {
  readonly frames: Pick<KeptFrames, 'add'>;
  readonly config: Pick<FeedbackConfig, 'perSecond' | 'burst'>;
  /** ONNX Runtime, which converts frames. */
  readonly api: () => OrtApi;
  readonly logger: Pick<Logger, 'warn' | 'info'>;
  /** Milliseconds of a clock that only runs forward. */
  readonly now?: () => number;
}

/** Bytes of frames that may wait to be written; one may always. */
const MOST_WAITING = 64 * 2 ** 20;

/**
 * Writes frames to disk without keeping anybody waiting: each is copied at once, encoded and written one after the other, and what comes too
 * fast is left out and counted.
 */
export class FrameKeeper {
  readonly #bucket: Bucket;
  /** By camera: its frames all look alike. */
  readonly #converters = new Map<string, RgbConverter>();
  #waitingBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #skipped = 0;
  #fault: string | undefined;

  constructor(private readonly parts: KeeperParts) {
    this.#bucket = new Bucket(parts.config, parts.now ?? (() => performance.now()));
  }

  get status(): Pick<FeedbackStatus, 'skipped' | 'fault'> {
    return { skipped: this.#skipped, ...(this.#fault === undefined ? {} : { fault: this.#fault }) };
  }

  /** Copies a frame: its camera uses the memory again. @returns what takes its result; undefined: it is left out */
  copy(frame: Frame): ((result: ResultMessage) => void) | undefined {
    const bytes = frame.data.byteLength;
    const full = this.#waitingBytes > 0 && this.#waitingBytes + bytes > MOST_WAITING;
    if (full || !this.#bucket.take()) {
      this.#skipped++;
      return undefined;
    }
    const own = copied(frame);
    return (result) => {
      this.#waitingBytes += bytes;
      this.#writing = this.#writing.then(async () => {
        await this.#write(own, result);
        this.#waitingBytes -= bytes;
      });
    };
  }

  /** Resolves when all that was copied is written. */
  settled(): Promise<void> {
    return this.#writing;
  }

  async close(): Promise<void> {
    await this.#writing;
    for (const converter of this.#converters.values()) await converter.close();
  }

  async #write(frame: Frame, result: ResultMessage): Promise<void> {
    const { frames, logger } = this.parts;
    const { format, width, height } = frame;
    try {
      const png = await pngOf(await this.#converter(result.camera).convert(frame));
      const about = { frame: { format, width, height }, sha256: digestOf(png), sizeBytes: png.length };
      await frames.add({ schema: 'beltsight.kept-frame/1', result, ...about }, png);
      if (this.#fault !== undefined) logger.info('Rejected frames are kept again.');
      this.#fault = undefined;
    } catch (error) {
      this.#skipped++;
      const { message } = error as Error;
      if (this.#fault === undefined)
        logger.warn({ err: error }, `${message} Inspection goes on without keeping frames.`);
      this.#fault = message;
    }
  }

  #converter(camera: string): RgbConverter {
    const converter = this.#converters.get(camera) ?? new RgbConverter(this.parts.api());
    this.#converters.set(camera, converter);
    return converter;
  }
}
