import { type DeviceTopics, encodeHeatmap, tagJpeg } from '@beltsight/sdk';
import type { Logger } from 'pino';
import sharp from 'sharp';
import type { Frame } from '../camera/frame.js';
import type { RgbConverter, RgbPicture } from '../camera/rgb.js';
import type { CameraConfig } from '../config/schema.js';
import type { OutgoingMessage } from '../publish/outbox.js';
import type { Inspection } from '../score/scorer.js';

/** Frames are published no wider and no higher than this. */
const PREVIEW_PIXELS = 640;
/** Nobody wants a picture that waited longer. */
const EXPIRY_SECONDS = 3600;

export interface PicturesParts {
  readonly config: Pick<CameraConfig, 'name' | 'heatmaps'>;
  /** Makes pictures for people, where the configuration wants frames published. */
  readonly converter: Pick<RgbConverter, 'convert'> | undefined;
  readonly topics: DeviceTopics;
  readonly logger: Logger;
}

/** The pictures that go with the results of one camera. None is worth a result: one that cannot be made is left out. */
export class Pictures {
  /** What failed last time. */
  readonly #failing = new Set<string>();

  constructor(private readonly parts: PicturesParts) {}

  /** The frame as people see it, where the configuration wants it. Its memory is nobody else's. */
  async preview(frame: Frame): Promise<RgbPicture | undefined> {
    return this.#attempt('preview', async () => this.parts.converter?.convert(frame));
  }

  /** The heatmap of a result, PNG, where the configuration wants one. */
  async heatmap(id: string, inspection: Inspection): Promise<Buffer | undefined> {
    const { heatmaps } = this.parts.config;
    const wanted = heatmaps === 'all' || (heatmaps === 'rejects' && inspection.verdict !== 'pass');
    return wanted ? this.#attempt('heatmap', () => heatmapOf(id, inspection)) : undefined;
  }

  /** The messages of the pictures that there are. */
  async messages(
    id: string,
    preview: RgbPicture | undefined,
    heatmap: Buffer | undefined,
  ): Promise<readonly OutgoingMessage[]> {
    const { config, topics } = this.parts;
    const jpeg = preview && (await this.#attempt('JPEG', () => jpegOf(preview)));
    return [
      ...(jpeg ? [message(topics.frame(config.name), Buffer.from(tagJpeg(jpeg, id)), 'image/jpeg')] : []),
      ...(heatmap ? [message(topics.heatmap(config.name), heatmap, 'image/png')] : []),
    ];
  }

  /** Logs a failure when it begins, not with every frame. */
  async #attempt<T>(what: string, make: () => T | Promise<T>): Promise<T | undefined> {
    try {
      const made = await make();
      this.#failing.delete(what);
      return made;
    } catch (error) {
      if (!this.#failing.has(what)) {
        const { message: why } = error as Error;
        this.parts.logger.error({ err: error }, `No ${what} can be made (${why}): results are published without.`);
      }
      this.#failing.add(what);
      return undefined;
    }
  }
}

/** Scaled so that the threshold lies in the middle of the picture's range: what is brighter than half is defective. */
export function heatmapOf(id: string, { map, threshold }: Pick<Inspection, 'map' | 'threshold'>): Buffer {
  const high = threshold === null ? map.values.reduce((a, b) => Math.max(a, b), 0) : 2 * threshold;
  return Buffer.from(encodeHeatmap(map, { id, low: 0, high: high > 0 && Number.isFinite(high) ? high : 1, threshold }));
}

async function jpegOf({ width, height, data }: RgbPicture): Promise<Buffer> {
  const bounds = { width: PREVIEW_PIXELS, height: PREVIEW_PIXELS, fit: 'inside', withoutEnlargement: true } as const;
  return sharp(data, { raw: { width, height, channels: 3 } })
    .resize(bounds)
    .jpeg({ quality: 80 })
    .toBuffer();
}

function message(topic: string, payload: Buffer, contentType: string): OutgoingMessage {
  const properties = { contentType, messageExpiryInterval: EXPIRY_SECONDS };
  return { topic, payload, importance: 'picture', options: { qos: 0, properties } };
}
