import { beforeAll, describe, expect, it } from 'vitest';
import { tf } from '../../graph/tfjs.js';
import { conv2d, maxPool3x3 } from '../../model/layers/convolution.js';
import { supportExplicitPadding } from './explicit-padding.js';

/** tfjs's CPU backend, but it refuses what tfjs-node refuses. */
const POOR = 'without-explicit-padding';

beforeAll(() => {
  const cpu = tf.findBackend('cpu');
  tf.registerBackend(POOR, () => cpu);
  tf.copyRegisteredKernels('cpu', POOR);
  for (const kernelName of ['Conv2DBackpropInput', 'Conv2DBackpropFilter', 'MaxPool']) {
    const { kernelFunc } = tf.getKernel(kernelName, POOR);
    tf.unregisterKernel(kernelName, POOR);
    tf.registerKernel({
      kernelName,
      backendName: POOR,
      kernelFunc(call) {
        const { pad } = call.attrs as { pad: unknown };
        if (pad !== 'valid' && pad !== 'same') throw new Error(`${kernelName} refuses padding`);
        return kernelFunc(call);
      },
    });
  }
});

/** A number for every position that is neither regular nor symmetric. */
const image = (shape: [number, number, number, number], seed: number) =>
  tf.tensor4d(
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(seed + i * i)),
    shape,
  );

function results(backend: string, stride: number): number[][] {
  void tf.setBackend(backend);
  return tf.tidy(() => {
    const [x, filter] = [image([2, 8, 6, 3], 1), image([3, 3, 3, 4], 2)];
    const y = conv2d(x, filter, { stride, padding: 1 });
    const weights = image(y.shape, 3);
    const loss = (a: tf.Tensor, b: tf.Tensor) =>
      tf.sum(tf.mul(conv2d(a as tf.Tensor4D, b, { stride, padding: 1 }), weights)) as tf.Scalar;
    const gradients = tf.grads(loss)([x, filter]);
    // Below zero everywhere: padding with zeros would show.
    const pooled = maxPool3x3(tf.sub(x, 2));
    return [...gradients, pooled].map((tensor) => [...tensor.dataSync()]);
  });
}

describe('explicit padding', () => {
  it('is refused by the backend at first', () => {
    expect(() => results(POOR, 1)).toThrow('refuses padding');
  });

  it.each([1, 2])('gives the numbers of a backend that has it, with stride %i', (stride) => {
    supportExplicitPadding(POOR);
    supportExplicitPadding(POOR);
    const expected = results('cpu', stride);
    results(POOR, stride).forEach((values, i) => {
      expect(values).toHaveLength(expected[i]?.length as number);
      for (const [j, value] of values.entries()) expect(value).toBeCloseTo(expected[i]?.[j] as number, 5);
    });
    void tf.setBackend('cpu');
  });
});
