import type { DeviceTopics, ResultMessage } from '@beltsight/sdk';
import { encodeHeatmap, tagJpeg } from '@beltsight/sdk';
import sharp from 'sharp';
import { v7 as uuidv7 } from 'uuid';
import { capturedAt, type Frame } from '../camera/frame.js';
import type { RgbPicture } from '../camera/rgb.js';
import type { CameraConfig } from '../config/schema.js';
import type { OutgoingMessage } from '../publish/outbox.js';
import type { Publication } from '../publish/publisher.js';
import type { Inspection } from '../score/scorer.js';

/** Frames are published no wider and no higher than this. */
const PREVIEW_PIXELS = 640;
const JSON_TEXT = { contentType: 'application/json', payloadFormatIndicator: true } as const;
/** Nobody wants a picture that waited longer. */
const PICTURE_EXPIRY_SECONDS = 3600;
/** Score of a result whose model gave none that is a number: JSON has no other words for it, and it must not read as a good one. */
export const NO_SCORE = Number.MAX_VALUE;

export interface InspectedFrame {
  readonly result: ResultMessage;
  readonly heatmap: Buffer | undefined;
  readonly messages: Publication;
}

/**
 * The result of one inspected frame and its messages: its picture where there is one, heatmap where the configuration wants it, then the result.
 * @param preview the frame as people see it
 * @param count number of the inspection, where there is one
 */
export async function publicationOf(
  frame: Frame,
  preview: RgbPicture | undefined,
  inspection: Inspection,
  camera: CameraConfig,
  topics: DeviceTopics,
  count?: number,
): Promise<InspectedFrame> {
  const id = uuidv7();
  const messages: OutgoingMessage[] = [];
  if (preview) {
    const jpeg = await jpegOf(preview);
    messages.push(picture(topics.frame(camera.name), Buffer.from(tagJpeg(jpeg, id)), 'image/jpeg'));
  }
  const wanted = camera.heatmaps === 'all' || (camera.heatmaps === 'rejects' && inspection.verdict !== 'pass');
  const heatmap = wanted ? heatmapOf(id, inspection) : undefined;
  if (heatmap) messages.push(picture(topics.heatmap(camera.name), heatmap, 'image/png'));
  const result = resultOf(id, frame, inspection, camera.name, count);
  messages.push({
    topic: topics.result(camera.name),
    payload: Buffer.from(JSON.stringify(result)),
    importance: 'result',
    options: { qos: 1, properties: { ...JSON_TEXT, ...expiry(camera.resultExpirySeconds) } },
  });
  return { result, heatmap, messages };
}

function resultOf(
  id: string,
  frame: Frame,
  inspection: Inspection,
  camera: string,
  count: number | undefined,
): ResultMessage {
  const { modelId, verdict, score, threshold, pValue, className, classSource, distance } = inspection;
  return {
    schema: 'beltsight.result/1',
    id,
    camera,
    frame: {
      sequence: frame.sequence,
      capturedAt: new Date(capturedAt(frame)).toISOString(),
      ...(frame.source === undefined ? {} : { source: frame.source }),
    },
    verdict,
    score: Number.isFinite(score) ? score : NO_SCORE,
    threshold,
    pValue,
    class: { name: className, source: classSource, distance },
    modelId,
    latencyMs: performance.now() - frame.capturedMs,
    ...(count === undefined ? {} : { count }),
  };
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

function picture(topic: string, payload: Buffer, contentType: string): OutgoingMessage {
  const properties = { contentType, messageExpiryInterval: PICTURE_EXPIRY_SECONDS };
  return { topic, payload, importance: 'picture', options: { qos: 0, properties } };
}

function expiry(seconds: number | null) {
  return seconds === null ? {} : { messageExpiryInterval: seconds };
}
