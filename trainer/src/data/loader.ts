import { preprocessGraph } from '@beltsight/sdk/preprocess';
import { GraphSession } from '../graph/session.js';
import { decodeImage, type RgbImage } from './decode.js';
import { decodeMask, type Mask } from './mask.js';

/** Preprocessing graphs kept open: one for each source size. */
const MAX_SESSIONS = 8;
/** Pixels kept in memory, in bytes: 5,000 images at 256x256. */
const CACHE_BYTES = 1_000_000_000;

/**
 * Loads images as the model sees them: decoded and brought to S x S by the preprocessing graph that devices run, as 8-bit
 * RGB [S,S,3]. Keeps what it has loaded, up to a limit.
 */
export class ImageLoader {
  readonly #sessions = new Map<string, Promise<GraphSession>>();
  readonly #cache = new Map<string, Uint8Array>();

  constructor(
    readonly size: number,
    private readonly maxCached = Math.floor(CACHE_BYTES / (size * size * 3)),
    /** For resizing; default: all cores. Bits do not depend on them. */
    private readonly threads?: number,
  ) {}

  /** @throws BeltsightError IMAGE_UNREADABLE, IMAGE_TOO_LARGE naming the file */
  async load(file: string): Promise<Uint8Array> {
    const known = this.#cache.get(file);
    if (known) return known;
    const pixels = await this.preprocess(await decodeImage(file));
    if (this.#cache.size < this.maxCached) this.#cache.set(file, pixels);
    return pixels;
  }

  /** A ground-truth mask, [S,S] of 0 and 1: marked where > 0, resized like the image, defect where > 0.5. */
  async loadMask(mask: Mask): Promise<Uint8Array> {
    const resized = await this.preprocess(await decodeMask(mask));
    return Uint8Array.from({ length: this.size * this.size }, (_, i) => ((resized[i * 3] as number) > 127.5 ? 1 : 0));
  }

  async preprocess({ width, height, data }: RgbImage): Promise<Uint8Array> {
    if (width === this.size && height === this.size) return data;
    const session = await this.#session(width, height);
    const { pixels } = await session.run({ frame: data });
    return (pixels as { data: Uint8Array }).data;
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).close();
    this.#sessions.clear();
    this.#cache.clear();
  }

  #session(width: number, height: number): Promise<GraphSession> {
    const key = `${width}x${height}`;
    const known = this.#sessions.get(key);
    if (known) {
      // Re-inserted: the first key is the one not used for longest.
      this.#sessions.delete(key);
      this.#sessions.set(key, known);
      return known;
    }
    const graph = preprocessGraph({ format: 'RGB24', width, height, size: this.size });
    const opened = GraphSession.open(graph, this.threads === undefined ? {} : { threads: this.threads });
    this.#sessions.set(key, opened);
    if (this.#sessions.size > MAX_SESSIONS) {
      const [oldest, session] = this.#sessions.entries().next().value as [string, Promise<GraphSession>];
      this.#sessions.delete(oldest);
      // Memory is freed once whoever runs it is done and lets go.
      void session;
    }
    return opened;
  }
}
