import { type Colorimetry, type FrameLayout, frameShape, type PixelFormat } from '@beltsight/sdk/preprocess';
import type { FrameRing } from '../ring.js';
import type { ByteReader } from './byte-reader.js';
import { MAX_FRAME_PIXELS, type StreamedFrame } from './stream.js';

/** Header of GStreamer's Data Protocol 1.0 (gst/gdp/dataprotocol.h in gst-plugins-bad): what `gdppay` puts before each packet. */
const HEADER_BYTES = 62;
const PAYLOAD = { buffer: 1, caps: 2, firstEvent: 64 } as const;
const NO_TIME = 0xffff_ffff_ffff_ffffn;
/** Caps and events are some hundred bytes. */
const LONGEST_TEXT = 65_536;

/** GStreamer's names of pixel formats (gst-plugins-base, video-format.h). */
const FORMATS: Readonly<Record<string, PixelFormat>> = {
  RGB: 'RGB24',
  BGR: 'BGR24',
  BGRx: 'BGRx',
  BGRA: 'BGRx',
  GRAY8: 'GREY',
  GRAY16_LE: 'Y16',
  YUY2: 'YUYV',
  UYVY: 'UYVY',
  NV12: 'NV12',
  NV21: 'NV21',
};

/**
 * Raw video as `gdppay ! fdsink` writes it: each packet says what it is, so size, format and colours come from the stream itself, and
 * every frame keeps its time (pts).
 */
export async function* gdpFrames(bytes: ByteReader, ring: FrameRing): AsyncGenerator<StreamedFrame> {
  const header = Buffer.alloc(HEADER_BYTES);
  let look: (FrameLayout & { colour?: Colorimetry }) | undefined;
  while (await bytes.fill(header)) {
    const [major, type, length] = [header[0], header.readUInt16BE(4), header.readUInt32BE(6)];
    if (major !== 1) throw new RangeError(`The stream is not GStreamer's Data Protocol 1.0 (it begins with ${major}).`);
    if (type === PAYLOAD.buffer) {
      if (!look) throw new RangeError('A frame came before its format.');
      const [rows, stride] = frameShape(look);
      if (length !== rows * stride) {
        throw new RangeError(
          `A frame has ${length} bytes; ${look.width}x${look.height} ${look.format} needs ${rows * stride}.`,
        );
      }
      const data = ring.take(length);
      if (!(await bytes.fill(data))) throw new RangeError('The stream ended within a frame.');
      const pts = header.readBigUInt64BE(10);
      yield { ...look, data, ...(pts === NO_TIME ? {} : { timeMs: Number(pts) / 1e6 }) };
    } else if (type === PAYLOAD.caps || type >= PAYLOAD.firstEvent) {
      if (length > LONGEST_TEXT) throw new RangeError(`A description of ${length} bytes is too long.`);
      const text = length === 0 ? Buffer.alloc(0) : await bytes.bytes(length);
      if (type === PAYLOAD.caps) look = lookOf((text?.toString('latin1') ?? '').replaceAll('\0', ''));
    } else {
      throw new RangeError(`The stream holds a packet of unknown type ${type}.`);
    }
  }
}

/** Size, format, padding and colours of caps such as `video/x-raw, format=(string)NV12, width=(int)640, height=(int)480, ...`. */
function lookOf(caps: string): FrameLayout & { colour?: Colorimetry } {
  const value = (key: string) => new RegExp(`\\b${key}=(?:\\([^)]*\\))?"?([^,;"]+)`).exec(caps)?.[1]?.trim();
  const [name = '', width, height] = [value('format'), Number(value('width')), Number(value('height'))];
  const format = FORMATS[name];
  if (!caps.startsWith('video/x-raw') || format === undefined || !(width > 0) || !(height > 0)) {
    throw new RangeError(
      `The pipeline gives "${caps.slice(0, 120)}": end it with videoconvert and one of the formats ${Object.keys(FORMATS).join(', ')}.`,
    );
  }
  if (width * height > MAX_FRAME_PIXELS) throw new RangeError(`Frames of ${width}x${height} pixels are too large.`);
  const [, tight] = frameShape({ format, width, height });
  const colour = colourOf(value('colorimetry'));
  // GStreamer pads rows to a multiple of four bytes unless both sides agree on something else.
  return { format, width, height, stride: Math.ceil(tight / 4) * 4, ...(colour ? { colour } : {}) };
}

/** Colorimetry by name, or as range:matrix:transfer:primaries in numbers (gst-plugins-base, video-color.h). */
function colourOf(text: string | undefined): Colorimetry | undefined {
  if (text === undefined) return undefined;
  const [range, matrix] = text.split(':');
  if (matrix !== undefined)
    return { range: range === '1' ? 'full' : 'limited', matrix: matrix === '3' ? 'bt709' : 'bt601' };
  return { range: text === 'sRGB' ? 'full' : 'limited', matrix: text === 'bt709' ? 'bt709' : 'bt601' };
}
