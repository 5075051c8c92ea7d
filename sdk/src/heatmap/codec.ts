import { decode, encode } from 'fast-png';
import { BeltsightError } from '../errors.js';

/** Anomaly scores over a picture, row-major. */
export interface ScoreMap {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

export interface HeatmapMeta {
  /** Id of the result it belongs to. */
  readonly id: string;
  /** Score that is black. */
  readonly low: number;
  /** Score that is white; higher ones are white too. */
  readonly high: number;
  /** Score from which on the product is rejected; null where the product is unknown. */
  readonly threshold: number | null;
}

export interface Heatmap extends ScoreMap, HeatmapMeta {}

const KEY = { id: 'beltsight.id', low: 'beltsight.low', high: 'beltsight.high', threshold: 'beltsight.threshold' };
/** Larger pictures are refused before they are unpacked. */
const MAX_SIDE = 4096;

/**
 * A heatmap as 8-bit grey PNG: `low`..`high` become 0..255. Text chunks `beltsight.id`, `beltsight.low`, `beltsight.high` and
 * `beltsight.threshold` hold the rest, so that scores can be read back to (high - low) / 510.
 */
export function encodeHeatmap({ width, height, values }: ScoreMap, meta: HeatmapMeta): Uint8Array {
  const { low, high } = meta;
  const scale = 255 / (high - low);
  const data = new Uint8Array(width * height);
  for (let i = 0; i < data.length; i++) {
    const level = ((values[i] as number) - low) * scale;
    data[i] = level > 255 ? 255 : level > 0 ? level + 0.5 : 0;
  }
  const text = {
    [KEY.id]: meta.id,
    [KEY.low]: String(low),
    [KEY.high]: String(high),
    [KEY.threshold]: String(meta.threshold ?? ''),
  };
  return encode({ width, height, data, depth: 8, channels: 1, text }, { zlib: { level: 3 } });
}

/**
 * Reads a heatmap back.
 * @throws BeltsightError MESSAGE_INVALID if it is no heatmap of Beltsight
 */
export function decodeHeatmap(bytes: Uint8Array): Heatmap {
  checkSize(bytes);
  const { width, height, channels, depth, data, text } = unpack(bytes);
  if (channels !== 1 || depth !== 8) throw invalid(`is no 8-bit grey picture (${channels} channels, ${depth} bits)`);
  const [low, high] = [number(text[KEY.low]), number(text[KEY.high])];
  const threshold = text[KEY.threshold] === '' ? null : number(text[KEY.threshold]);
  const id = text[KEY.id];
  if (!id) throw invalid(`has no text "${KEY.id}"`);
  const values = Float32Array.from(data, (level) => low + (level * (high - low)) / 255);
  return { id, width, height, values, low, high, threshold };
}

/** The header comes first: 8 bytes signature, length, "IHDR", width, height. */
function checkSize(bytes: Uint8Array): void {
  if (bytes.byteLength < 33) throw invalid(`has ${bytes.byteLength} bytes only`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  if (width > MAX_SIDE || height > MAX_SIDE)
    throw invalid(`claims ${width}x${height} pixels, at most ${MAX_SIDE} are taken`);
}

function unpack(bytes: Uint8Array) {
  try {
    const { text, ...image } = decode(bytes);
    return { ...image, text: { ...text } as Readonly<Record<string, string | undefined>> };
  } catch (cause) {
    throw invalid(`is no PNG (${(cause as Error).message})`, cause);
  }
}

function number(text: string | undefined): number {
  const value = text ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return value;
  throw invalid('lacks one of its numbers');
}

function invalid(why: string, cause?: unknown): BeltsightError {
  return new BeltsightError('MESSAGE_INVALID', `The heatmap ${why}: it does not come from a Beltsight device.`, {
    cause,
  });
}
