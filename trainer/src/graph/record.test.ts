import { encodeModel } from '@beltsight/sdk/onnx';
import { describe, expect, it } from 'vitest';
import { record } from './record.js';
import { GraphSession } from './session.js';
import { tf } from './tfjs.js';

const image = { x: { shape: [1, 8, 8, 3], dtype: 'float32' } } as const;
const filter = (inputs: number, outputs: number) => tf.ones([3, 3, inputs, outputs]) as tf.Tensor4D;
const operators = (graph: ReturnType<typeof record>) => graph.nodes.map((node) => node.opType);

describe('record', () => {
  it('keeps a chain of layers in the storage that convolutions want', () => {
    const graph = record('chain', image, ({ x }) => {
      const first = tf.relu(tf.conv2d(x as tf.Tensor4D, filter(3, 4), 1, 'same'));
      const normal = tf.div(tf.sub(first, tf.mean(first, [1, 2], true)), tf.tensor1d([1, 2, 3, 4]));
      const second = tf.conv2d(normal as tf.Tensor4D, filter(4, 2), 2, 'same');
      return { y: tf.transpose(tf.concat([second, tf.neg(second)], 3), [0, 3, 1, 2]) };
    });
    expect(operators(graph).filter((op) => op === 'Transpose')).toHaveLength(1);
  });

  it('moves nothing where the caller wants channels first on both sides', () => {
    const graph = record('planes', { x: { shape: [1, 3, 8, 8], dtype: 'float32' } }, ({ x }) => {
      const y = tf.conv2d(tf.transpose(x as tf.Tensor4D, [0, 2, 3, 1]), filter(3, 4), 1, 'same');
      return { y: tf.transpose(y, [0, 3, 1, 2]) };
    });
    expect(operators(graph)).not.toContain('Transpose');
  });

  it('takes the slope of a relu from its result, so that the map before it can be freed', async () => {
    const slope = (x: tf.Tensor) => tf.grad((y: tf.Tensor) => tf.relu(y))(x);
    const graph = record('slope', image, ({ x }) => ({ y: slope(x as tf.Tensor) }));
    const relu = graph.nodes.find((node) => node.opType === 'Relu');
    expect(graph.nodes.find((node) => node.opType === 'Greater')?.inputs[0]).toBe(relu?.outputs[0]);
    const session = await GraphSession.open(graph);
    const result = await session.run({ x: Float32Array.from({ length: 192 }, (_, i) => i - 96) });
    await session.close();
    expect(result.y?.data).toEqual(Float32Array.from({ length: 192 }, (_, i) => (i > 96 ? 1 : 0)));
  });

  it('computes what depends on constants alone while recording', () => {
    const graph = record('folded', image, ({ x }) => {
      const scale = tf.rsqrt(tf.add(tf.tensor1d([1, 2, 3]), 1e-5));
      return { y: tf.mul(x as tf.Tensor, scale) };
    });
    expect(operators(graph)).toEqual(['Mul']);
  });

  it('leaves out what no output needs', () => {
    const graph = record('lean', image, ({ x }) => {
      tf.exp(x as tf.Tensor);
      return { y: tf.abs(x as tf.Tensor) };
    });
    expect(operators(graph)).toEqual(['Abs']);
  });

  it('does not write a broadcast out before an operator needs it', () => {
    const graph = record('sum', image, ({ x }) => {
      const [dx] = tf.grads((t) => tf.sum(tf.square(t)) as tf.Scalar)([x as tf.Tensor]);
      return { dx: dx as tf.Tensor };
    });
    expect(operators(graph)).not.toContain('Expand');
  });

  it('takes 8-bit pixels', async () => {
    const graph = record('pixels', { x: { shape: [2], dtype: 'uint8' } }, ({ x }) => ({
      y: tf.div(x as tf.Tensor, 255),
    }));
    const session = await GraphSession.open(encodeModel(graph));
    const { y } = await session.run({ x: Uint8Array.of(0, 255) });
    expect([...(y?.data ?? [])]).toEqual([0, 1]);
    await session.close();
  });

  it('leaves tensors of other backends usable', async () => {
    await tf.setBackend('cpu');
    const weight = tf.tensor1d([1, 2, 3]);
    record('uses', image, ({ x }) => ({ y: tf.mul(x as tf.Tensor, weight) }));
    expect(tf.getBackend()).toBe('cpu');
    expect([...tf.add(weight, 1).dataSync()]).toEqual([2, 3, 4]);
  });

  it('names the kernel and the operation it cannot record', () => {
    const inverse = () => record('fft', image, ({ x }) => ({ y: tf.cumsum(x as tf.Tensor, 1) }));
    expect(inverse).toThrow(
      expect.objectContaining({ code: 'KERNEL_UNSUPPORTED', message: expect.stringMatching(/Cumsum.*tf\.cumsum/) }),
    );
  });

  it('refuses code that looks at the elements of its inputs', () => {
    const peeking = () => record('peek', image, ({ x }) => ({ y: tf.scalar((x as tf.Tensor).dataSync()[0] ?? 0) }));
    expect(peeking).toThrow(expect.objectContaining({ code: 'GRAPH_INVALID' }));
  });
});

describe('GraphSession', () => {
  const graph = record('double', image, ({ x }) => ({ y: tf.mul(x as tf.Tensor, 2) }));

  it('writes into given arrays', async () => {
    const session = await GraphSession.open(graph);
    const y = { dims: [1, 8, 8, 3], data: new Float32Array(192) };
    await session.run({ x: new Float32Array(192).fill(3) }, { y });
    expect(y.data.every((v) => v === 6)).toBe(true);
    await session.close();
  });

  it('reads a view at an offset of a larger array', async () => {
    const session = await GraphSession.open(graph);
    const whole = Float32Array.from({ length: 200 }, (_, i) => i);
    const { y } = await session.run({ x: whole.subarray(5, 197) });
    expect(y?.data[0]).toBe(10);
    await session.close();
  });

  it('names an input that is missing or has the wrong length', async () => {
    const session = await GraphSession.open(graph);
    await expect(session.run({})).rejects.toMatchObject({ code: 'ARGUMENT_INVALID', message: /"x" is missing/ });
    await expect(session.run({ x: new Float32Array(3) })).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
    await session.close();
  });

  it('refuses bytes that are no model', async () => {
    await expect(GraphSession.open(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  });
});
