import { decode, encode } from 'fast-png';
import { BeltsightError } from '../errors.js';
import { flawOf } from './layout.js';

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

/**
 * A heatmap as 8-bit grey PNG: `low`..`high` become 0..255. Text chunks `beltsight.id`, `beltsight.low`, `beltsight.high` and
 * `beltsight.threshold` hold the rest, so that scores can be read back to (high - low) / 510. A score that is no number is white: it must be seen.
 * @throws BeltsightError ARGUMENT_INVALID if the values are not one a pixel, or `low` is not below `high`
 */
export function encodeHeatmap({ width, height, values }: ScoreMap, meta: HeatmapMeta): Uint8Array {
  const { low, high } = meta;
  if (values.length !== width * height || !(low < high) || !Number.isFinite(high - low)) {
    throw new BeltsightError(
      'ARGUMENT_INVALID',
      `A heatmap of ${width}x${height} pixels from ${low} to ${high} cannot be made of ${values.length} values: give one a pixel, and low below high.`,
    );
  }
  const scale = 255 / (high - low);
  const data = new Uint8Array(width * height);
  for (let i = 0; i < data.length; i++) {
    const level = ((values[i] as number) - low) * scale;
    data[i] = level <= 0 ? 0 : level < 255 ? level + 0.5 : 255;
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
  const flaw = flawOf(bytes);
  if (flaw !== undefined) throw invalid(flaw);
  const { width, height, data, text } = unpack(bytes);
  const [low, high] = [number(text[KEY.low]), number(text[KEY.high])];
  if (!(low < high)) throw invalid(`has the empty range ${low} to ${high}`);
  const threshold = text[KEY.threshold] === '' ? null : number(text[KEY.threshold]);
  const id = text[KEY.id];
  if (!id) throw invalid(`has no text "${KEY.id}"`);
  const values = Float32Array.from(data, (level) => low + (level * (high - low)) / 255);
  return { id, width, height, values, low, high, threshold };
}

function unpack(bytes: Uint8Array) {
  try {
    const { text, ...image } = decode(bytes, { checkCrc: true });
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
