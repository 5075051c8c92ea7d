import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { type FixtureTensor, fixture } from '../../../test/support/fixtures.js';
import { expectClose } from '../../../test/support/tensors.js';
import { encodeModel } from '../onnx/codec.js';
import { type PreprocessSpec, preprocessGraph } from './graph.js';

const { cases, mask } = fixture('preprocess');

async function run(spec: PreprocessSpec, pixels: ArrayLike<number>) {
  const session = await InferenceSession.create(encodeModel(preprocessGraph(spec)), { logSeverityLevel: 3 });
  const frame = new Tensor('uint8', Uint8Array.from(pixels), [spec.height, spec.width * 3]);
  const { image, pixels: resized } = await session.run({ frame });
  await session.release();
  return { image: image?.data as Float32Array, pixels: resized?.data as Uint8Array };
}

describe('preprocessing equals PIL (preprocess)', () => {
  it.each((cases as { name: string }[]).map((c): [string, number] => [c.name, cases.indexOf(c)]))(
    '%s',
    async (_, i) => {
      const c = cases[i];
      const [height, width] = c.input_hwc.shape;
      const [size] = c.resized_hwc.shape;
      const { image, pixels } = await run({ format: 'RGB24', width, height, size }, c.input_hwc.data);
      expect([...pixels]).toEqual(c.resized_hwc.data);
      const [mean, deviation] = [
        [0.485, 0.456, 0.406],
        [0.229, 0.224, 0.225],
      ];
      const normalised = Array.from(image, (value, at) => {
        const channel = Math.floor(at / (size * size));
        return (value - (mean?.[channel] as number)) / (deviation?.[channel] as number);
      });
      expectClose({ shape: [], data: normalised }, c.normalised_chw, 1e-5, 'normalised');
    },
  );

  it('BGR and a region of interest give what RGB and a crop give', async () => {
    const [c] = cases;
    const [height, width] = c.input_hwc.shape;
    const roi = { x: 3, y: 5, width: width - 7, height: height - 9 };
    const size = 16;
    const bgr = (c.input_hwc.data as number[]).map((_, i, all) => all[i - (i % 3) + 2 - (i % 3)] as number);
    const cropped = (c.input_hwc.data as number[]).filter((_, i) => {
      const [row, column] = [Math.floor(i / 3 / width) - roi.y, (Math.floor(i / 3) % width) - roi.x];
      return row >= 0 && row < roi.height && column >= 0 && column < roi.width;
    });
    const whole = await run({ format: 'BGR24', width, height, roi, size }, bgr);
    const part = await run({ format: 'RGB24', width: roi.width, height: roi.height, size }, cropped);
    expect([...whole.pixels]).toEqual([...part.pixels]);
  });

  it('masks are resized like images and cut at one half', async () => {
    const [height, width] = (mask.input as FixtureTensor).shape as [number, number];
    const [size = 0] = mask.resized.shape;
    const { pixels } = await run(
      { format: 'RGB24', width, height, size },
      mask.input.data.flatMap((v: number) => [v, v, v]),
    );
    const grey = [...pixels].filter((_, i) => i % 3 === 0);
    expect(grey).toEqual(mask.resized.data);
    expect(grey.map((value) => (value / 255 > 0.5 ? 1 : 0))).toEqual(mask['binary_gt_0.5']);
  });

  it('a region outside of the frame is refused with both sizes', () => {
    const roi = { x: 8, y: 0, width: 16, height: 16 };
    expect(() => preprocessGraph({ format: 'RGB24', width: 20, height: 20, roi, size: 32 })).toThrow(
      /16x16 at \(8, 0\).*20x20/,
    );
  });
});
