import { frameShape } from '@beltsight/sdk/preprocess';
import type { FrameRing } from '../ring.js';
import type { ByteReader } from './byte-reader.js';
import { MAX_FRAME_PIXELS, type StreamedFrame } from './stream.js';

const LONGEST_LINE = 512;

/**
 * YUV4MPEG2 (yuv4mpeg(5), mjpegtools): a line with size and rate, then planar 4:2:0 frames, each behind a line "FRAME". What ffmpeg writes for
 * `-f yuv4mpegpipe -pix_fmt yuv420p`. Rows are not padded.
 */
export async function* y4mFrames(bytes: ByteReader, ring: FrameRing): AsyncGenerator<StreamedFrame> {
  const header = await bytes.line(LONGEST_LINE);
  if (header === undefined) return;
  const { width, height, period } = headerOf(header);
  const layout = { format: 'YU12', width, height } as const;
  const [rows, stride] = frameShape(layout);
  for (let number = 0; ; number++) {
    const line = await bytes.line(LONGEST_LINE);
    if (line === undefined) return;
    if (!line.startsWith('FRAME')) throw new RangeError(`"${line.slice(0, 40)}" stands where a frame should begin.`);
    const data = ring.take(rows * stride);
    if (!(await bytes.fill(data))) throw new RangeError('The stream ended within a frame.');
    yield { ...layout, data, timeMs: number * period };
  }
}

function headerOf(line: string): { width: number; height: number; period: number } {
  const [magic, ...parameters] = line.split(' ');
  const value = (tag: string) => parameters.find((parameter) => parameter.startsWith(tag))?.slice(1) ?? '';
  const [width, height] = [Number(value('W')), Number(value('H'))];
  const [rate = 0, scale = 0] = value('F').split(':').map(Number);
  if (magic !== 'YUV4MPEG2' || !(width > 0) || !(height > 0) || !value('C').startsWith('420')) {
    throw new RangeError(`"${line.slice(0, 80)}" is no YUV4MPEG2 header of 4:2:0 frames.`);
  }
  if (width * height > MAX_FRAME_PIXELS) throw new RangeError(`Frames of ${width}x${height} pixels are too large.`);
  return { width, height, period: rate > 0 && scale > 0 ? (1000 * scale) / rate : 0 };
}
