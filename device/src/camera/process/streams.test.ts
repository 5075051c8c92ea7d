import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameRing } from '../ring.js';
import { ByteReader } from './byte-reader.js';
import { StreamClock } from './clock.js';
import { gdpFrames } from './gdp.js';
import type { FrameStream, StreamedFrame } from './stream.js';
import { y4mFrames } from './y4m.js';

/** All frames of a stream that comes in pieces of the given sizes; data copied, as the ring is used again. */
async function framesOf(stream: FrameStream, bytes: Uint8Array, pieces: readonly number[] = [bytes.length]) {
  const chunks: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = Math.max(1, pieces[i % pieces.length] ?? 1);
    chunks.push(Buffer.from(bytes.subarray(at, at + length)));
    at += length;
  }
  const frames: StreamedFrame[] = [];
  for await (const frame of stream(new ByteReader(Readable.from(chunks)), new FrameRing())) {
    frames.push({ ...frame, data: Uint8Array.from(frame.data) });
  }
  return frames;
}

const pixels = (length: number, seed: number) => Uint8Array.from({ length }, (_, i) => (i * 31 + seed) % 251);
const join = (...parts: (Uint8Array | string)[]) => Buffer.concat(parts.map((part) => Buffer.from(part as string)));
const anyPieces = fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 20 });

describe('YUV4MPEG2', () => {
  const header = 'YUV4MPEG2 W4 H2 F25:1 Ip A0:0 C420jpeg XYSCSS=420JPEG\n';

  it('is taken apart however it is cut', async () => {
    const [a, b] = [pixels(12, 1), pixels(12, 2)];
    await fc.assert(
      fc.asyncProperty(anyPieces, async (pieces) => {
        const frames = await framesOf(y4mFrames, join(header, 'FRAME\n', a, 'FRAME Ip\n', b), pieces);
        expect(frames).toEqual([
          { format: 'YU12', width: 4, height: 2, data: a, timeMs: 0 },
          { format: 'YU12', width: 4, height: 2, data: b, timeMs: 40 },
        ]);
      }),
    );
  });

  it.each([
    ['another format', 'P6 4 2 255\n', /"P6 4 2 255" is no YUV4MPEG2 header/],
    ['4:4:4', 'YUV4MPEG2 W4 H2 F25:1 C444\n', /is no YUV4MPEG2 header of 4:2:0/],
    ['an odd side', 'YUV4MPEG2 W5 H2 F25:1 C420\n', /both sides must be even/],
    ['a size beyond reason', 'YUV4MPEG2 W400000 H200000 F25:1 C420\n', /too large/],
    ['an endless line', 'Y'.repeat(600), /more than 512 bytes/],
    ['an end within a frame', join(header, 'FRAME\n', pixels(5, 1)), /ended after 5 of 12 bytes/],
    ['no frame where one should be', join(header, 'FRAMF\n'), /"FRAMF" stands where a frame/],
  ])('%s is refused', async (_, bytes, message) => {
    await expect(framesOf(y4mFrames, join(bytes))).rejects.toThrow(message);
  });

  it('may be empty', async () => {
    expect(await framesOf(y4mFrames, new Uint8Array())).toEqual([]);
  });
});

/** A packet of GStreamer's Data Protocol. */
function packet(type: number, payload: Uint8Array | string, pts = 0xffff_ffff_ffff_ffffn, major = 1): Buffer {
  const body = Buffer.from(payload as string);
  const header = Buffer.alloc(62);
  header[0] = major;
  header.writeUInt16BE(type, 4);
  header.writeUInt32BE(body.length, 6);
  header.writeBigUInt64BE(pts, 10);
  return Buffer.concat([header, body]);
}
const caps = (text: string) => packet(2, `video/x-raw, ${text}\0`);
const nv12 = caps(
  'format=(string)NV12, width=(int)6, height=(int)2, colorimetry=(string)bt709, framerate=(fraction)30/1',
);

describe("GStreamer's Data Protocol", () => {
  it('is taken apart however it is cut: padding, colours and times from the stream', async () => {
    const data = pixels(24, 1);
    const bytes = join(packet(64 + 40, 'stream-start'), nv12, packet(1, data, 40_000_000n), packet(1, data));
    await fc.assert(
      fc.asyncProperty(anyPieces, async (pieces) => {
        const look = { format: 'NV12', width: 6, height: 2, stride: 8, colour: { matrix: 'bt709', range: 'limited' } };
        const frames = await framesOf(gdpFrames, bytes, pieces);
        expect(frames).toEqual([
          { ...look, data, timeMs: 40 },
          { ...look, data },
        ]);
      }),
    );
  });

  it('may change its format on the way', async () => {
    const grey = caps('format=(string)GRAY8, width=(int)4, height=(int)1');
    const frames = await framesOf(gdpFrames, join(nv12, packet(1, pixels(24, 1)), grey, packet(1, pixels(4, 2))));
    expect(frames.map(({ format }) => format)).toEqual(['NV12', 'GREY']);
  });

  it.each([
    ['another protocol', packet(1, 'x', 0n, 0), /not GStreamer's Data Protocol 1.0/],
    ['a frame without format', packet(1, 'x'), /before its format/],
    ['a frame of another size', join(nv12, packet(1, pixels(23, 1))), /has 23 bytes; 6x2 NV12 needs 24/],
    ['an unknown format', caps('format=(string)v210, width=(int)6, height=(int)2'), /v210.*videoconvert/],
    ['compressed video', packet(2, 'image/jpeg, width=(int)6, height=(int)2'), /image\/jpeg/],
    ['a description beyond reason', packet(2, '').fill(0xff, 6, 10), /4294967295 bytes is too long/],
    ['an unknown packet', packet(9, ''), /unknown type 9/],
    ['an end within a header', nv12.subarray(0, 30), /ended after 30 of 62 bytes/],
  ])('%s is refused', async (_, bytes, message) => {
    await expect(framesOf(gdpFrames, bytes)).rejects.toThrow(message);
  });

  it('never hangs nor takes memory on noise', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 62, maxLength: 400 }), async (noise) => {
        await framesOf(gdpFrames, noise).catch((error) => expect(error).toBeInstanceOf(Error));
      }),
    );
  });
});

describe('StreamClock', () => {
  it('takes the frame that was fastest for the measure of all', () => {
    const clock = new StreamClock();
    expect(clock.capturedMs(0, 1050)).toBe(1050);
    expect(clock.capturedMs(100, 1110)).toBe(1110);
    // 40 ms late, and told so but for what is forgotten.
    expect(clock.capturedMs(200, 1250)).toBeCloseTo(1210, 0);
  });

  it('begins anew where the stream does, and goes by arrival where it tells no time', () => {
    const clock = new StreamClock();
    clock.capturedMs(5000, 10_000);
    expect(clock.capturedMs(0, 20_000)).toBe(20_000);
    expect(clock.capturedMs(undefined, 20_123)).toBe(20_123);
  });
});
