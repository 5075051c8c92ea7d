import fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { encodeModel } from '../onnx/codec.js';
import { type Colorimetry, frameShape, PIXEL_FORMATS, type PixelFormat } from './formats.js';
import { type FrameSpec, pictureGraph, pictureSize, preprocessGraph } from './graph.js';

/** The picture of a frame, by the graph. */
async function picture(spec: FrameSpec, frame: Uint8Array): Promise<number[]> {
  const session = await InferenceSession.create(encodeModel(pictureGraph(spec)), { logSeverityLevel: 3 });
  const { pixels } = await session.run({ frame: new Tensor('uint8', frame, [...frameShape(spec)]) });
  await session.release();
  return Array.from(pixels?.data as Uint8Array);
}

/** Luma and chroma of one pixel, read as the format's description in linux/videodev2.h says, or its grey or RGB. */
function sample({ format, width, height, stride }: FrameSpec, frame: Uint8Array, x: number, y: number): number[] {
  const row = stride as number;
  const at = (index: number) => frame[index] as number;
  const word = (bits: number) =>
    Math.min(255, Math.floor((at(y * row + 2 * x) + 256 * at(y * row + 2 * x + 1)) / 2 ** (bits - 8)));
  const pair = y * row + 4 * Math.floor(x / 2);
  const chroma = height * row + Math.floor(y / 2) * row + 2 * Math.floor(x / 2);
  const plane = height * row + Math.floor(y / 2) * (row / 2) + Math.floor(x / 2);
  switch (format) {
    case 'RGB24':
      return [0, 1, 2].map((c) => at(y * row + 3 * x + c));
    case 'BGR24':
      return [2, 1, 0].map((c) => at(y * row + 3 * x + c));
    case 'BGRx':
      return [2, 1, 0].map((c) => at(y * row + 4 * x + c));
    case 'GREY':
      return [at(y * row + x)];
    case 'Y10':
    case 'Y12':
    case 'Y16':
      return [word(Number(format.slice(1)))];
    case 'YUYV':
      return [at(y * row + 2 * x), at(pair + 1), at(pair + 3)];
    case 'UYVY':
      return [at(y * row + 2 * x + 1), at(pair), at(pair + 2)];
    case 'NV12':
      return [at(y * row + x), at(chroma), at(chroma + 1)];
    case 'NV21':
      return [at(y * row + x), at(chroma + 1), at(chroma)];
    case 'YU12':
      return [at(y * row + x), at(plane), at(plane + (height / 2) * (row / 2))];
    default:
      throw new Error(`${format} of width ${width}`);
  }
}

/** BT.601-7 and BT.709-6 solved for R, G, B by hand: E'Y = r R + g G + b B, E'Cb = (B - Y) / (2 - 2b), E'Cr = (R - Y) / (2 - 2r). */
function rgbOf([luma = 0, cb = 0, cr = 0]: number[], { matrix, range }: Colorimetry): number[] {
  const [r, g, b] = matrix === 'bt601' ? [0.299, 0.587, 0.114] : [0.2126, 0.7152, 0.0722];
  const [y, u, v] =
    range === 'full'
      ? [luma / 255, (cb - 128) / 255, (cr - 128) / 255]
      : [(luma - 16) / 219, (cb - 128) / 224, (cr - 128) / 224];
  const red = y + (2 - 2 * r) * v;
  const blue = y + (2 - 2 * b) * u;
  const green = (y - r * red - b * blue) / g;
  return [red, green, blue].map((value) => Math.min(255, Math.max(0, 255 * value)));
}

const isYuv = (format: PixelFormat) => /^(YUYV|UYVY|NV|YU12)/.test(format);

/** Exact but for YUV, which is rounded once: half a grey level, and what float32 adds. */
function expectPicture(found: number[], wanted: number[][], format: PixelFormat): void {
  expect(found).toHaveLength(wanted.length * 3);
  for (const [i, pixel] of wanted.entries()) {
    const three = pixel.length === 1 ? [pixel[0], pixel[0], pixel[0]] : pixel;
    for (const [c, value] of three.entries()) {
      const difference = Math.abs((found[i * 3 + c] as number) - (value as number));
      expect(difference, `pixel ${i}, channel ${c}`).toBeLessThanOrEqual(isYuv(format) ? 0.501 : 0);
    }
  }
}

const specs = fc
  .record({
    format: fc.constantFrom(...PIXEL_FORMATS),
    across: fc.integer({ min: 1, max: 9 }),
    down: fc.integer({ min: 1, max: 7 }),
    padding: fc.integer({ min: 0, max: 5 }),
    colour: fc.record({
      matrix: fc.constantFrom('bt601' as const, 'bt709' as const),
      range: fc.constantFrom('limited' as const, 'full' as const),
    }),
    corner: fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.double({ min: 0, max: 0.999, noNaN: true })),
    part: fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
    orientation: fc.record({
      rotate: fc.constantFrom(0 as const, 90 as const, 180 as const, 270 as const),
      mirror: fc.boolean(),
    }),
  })
  .map(({ format, across, down, padding, corner, part, ...rest }) => {
    const [width, height] = [2 * across, 2 * down];
    const [, tight] = frameShape({ format, width, height });
    const [x, y] = [Math.floor(corner[0] * width), Math.floor(corner[1] * height)];
    const size = (share: number, left: number) => Math.max(1, Math.ceil(share * left));
    const roi = { x, y, width: size(part[0], width - x), height: size(part[1], height - y) };
    return { format, width, height, stride: tight + 2 * padding, roi, ...rest };
  });

describe('pictures of frames in every pixel format', () => {
  it.each(PIXEL_FORMATS)('%s equals a conversion pixel by pixel', async (format) => {
    await fc.assert(
      fc.asyncProperty(specs, fc.infiniteStream(fc.integer({ min: 0, max: 255 })), async (any, bytes) => {
        const [, tight] = frameShape({ format, width: any.width, height: any.height });
        const spec = { ...any, format, stride: tight + 4 };
        const [rows, stride] = frameShape(spec);
        const frame = Uint8Array.from({ length: rows * stride }, () => bytes.next().value as number);
        const { roi, colour, orientation } = spec;
        const { width, height } = pictureSize(spec);
        const wanted = Array.from({ length: width * height }, (_, i) => {
          const [x, y] = before(i % width, Math.floor(i / width), width, height, orientation);
          const values = sample(spec, frame, roi.x + x, roi.y + y);
          return isYuv(format) ? rgbOf(values, colour) : values;
        });
        expectPicture(await picture(spec, frame), wanted, format);
      }),
      { numRuns: 12 },
    );
  });

  // Colour bars of SMPTE EG 1 and SMPTE RP 219, 75 %, as tabled in ITU-R BT.471-1 for 8 bits.
  it.each([
    ['bt601', [180, 128, 128], [191, 191, 191]],
    ['bt601', [162, 44, 142], [191, 191, 0]],
    ['bt601', [131, 156, 44], [0, 191, 191]],
    ['bt601', [65, 100, 212], [191, 0, 0]],
    ['bt601', [35, 212, 114], [0, 0, 191]],
    ['bt709', [180, 128, 128], [191, 191, 191]],
    ['bt709', [168, 44, 136], [191, 191, 0]],
    ['bt709', [145, 147, 44], [0, 191, 191]],
    ['bt709', [51, 109, 212], [191, 0, 0]],
    ['bt709', [28, 212, 120], [0, 0, 191]],
  ] as const)('%s %j is the colour bar %j', async (matrix, [y, cb, cr], bar) => {
    const spec = { format: 'YUYV', width: 2, height: 1, colour: { matrix, range: 'limited' } } as const;
    const found = await picture(spec, Uint8Array.of(y, cb, y, cr));
    for (const [c, value] of bar.entries()) expect(Math.abs((found[c] as number) - value)).toBeLessThanOrEqual(2);
  });

  it('the model sees the same pixels', async () => {
    const spec = { format: 'NV12', width: 8, height: 8, orientation: { rotate: 90, mirror: true } } as const;
    const frame = Uint8Array.from({ length: 96 }, (_, i) => (i * 37) % 256);
    const session = await InferenceSession.create(encodeModel(preprocessGraph({ ...spec, size: 8 })));
    const { image, pixels } = await session.run({ frame: new Tensor('uint8', frame, [12, 8]) });
    const shown = await picture(spec, frame);
    expect(Array.from(pixels?.data as Uint8Array)).toEqual(shown);
    expect(Array.from(image?.data as Float32Array, (value) => Math.round(value * 255))).toEqual(
      [0, 1, 2].flatMap((c) => shown.filter((_, i) => i % 3 === c)),
    );
  });

  it.each([
    [{ format: 'NV12', width: 8, height: 7 }, /8x7 NV12.*both sides must be even/],
    [{ format: 'YUYV', width: 7, height: 7 }, /width must be even/],
    [{ format: 'RGB24', width: 4, height: 4, stride: 11 }, /at least 12 bytes a row/],
    [{ format: 'GREY', width: 0, height: 4 }, /no pixels/],
  ] as const)('%j is refused', (layout, message) => {
    expect(() => frameShape(layout)).toThrow(message);
  });
});

/** Where in the region a pixel of the turned picture comes from: rotated clockwise, then mirrored. */
function before(
  x: number,
  y: number,
  width: number,
  height: number,
  { rotate, mirror }: { rotate: number; mirror: boolean },
): [number, number] {
  const u = mirror ? width - 1 - x : x;
  if (rotate === 90) return [y, width - 1 - u];
  if (rotate === 180) return [width - 1 - u, height - 1 - y];
  if (rotate === 270) return [height - 1 - y, u];
  return [u, y];
}
