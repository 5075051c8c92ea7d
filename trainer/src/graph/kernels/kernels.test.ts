import { describe, expect, it } from 'vitest';
import { evaluate, type PlainTensor } from '../evaluate.js';
import type { Target } from '../recorder/recording.js';
import { tf } from '../tfjs.js';

type Tensors = Record<string, tf.Tensor>;
interface Case {
  readonly name: string;
  readonly inputs: Readonly<Record<string, PlainTensor>>;
  readonly fn: (t: Tensors) => tf.Tensor | tf.Tensor[];
  /** Inputs to differentiate by; all float32 inputs unless given. */
  readonly by?: readonly string[];
}

let state = 1;
/** Multiples of 1/64 in (-2, 2), never 0: exact in float32, and no kink lies on a sample. */
function random(shape: readonly number[], low = -2, high = 2): PlainTensor {
  const data = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.round((low + ((high - low) * state) / 0x7fffffff) * 64) / 64 + 1 / 256;
  });
  return { shape, data };
}
const positive = (shape: readonly number[]) => random(shape, 0.25, 3);
const integers = (data: number[], shape: readonly number[] = [data.length]): PlainTensor => ({
  shape,
  data,
  dtype: 'int32',
});
const x4 = (t: Tensors) => t.x as tf.Tensor4D;

const unary: Case[] = (
  [
    'abs',
    'neg',
    'exp',
    'sigmoid',
    'tanh',
    'relu',
    'relu6',
    'leakyRelu',
    'square',
    'softplus',
    'erf',
    'sin',
    'cos',
    'elu',
    'expm1',
    'sign',
    'floor',
    'ceil',
    'round',
    'step',
    'softmax',
    'logSoftmax',
    'onesLike',
    'zerosLike',
  ] as const
).map((name) => ({
  name,
  inputs: { x: random([2, 3, 4]) },
  fn: ({ x }: Tensors) => tf[name](x as tf.Tensor) as tf.Tensor,
  ...(name === 'onesLike' || name === 'zerosLike' ? { by: [] } : {}),
}));

const unaryPositive: Case[] = (['log', 'sqrt', 'rsqrt', 'reciprocal', 'log1p'] as const).map((name) => ({
  name,
  inputs: { x: positive([2, 3, 4]) },
  fn: ({ x }: Tensors) => tf[name](x as tf.Tensor),
}));

const binary: Case[] = (
  ['add', 'sub', 'mul', 'div', 'maximum', 'minimum', 'squaredDifference', 'pow'] as const
).flatMap((name) =>
  [
    [
      [2, 3, 4],
      [2, 3, 4],
    ],
    [[2, 3, 4], [4]],
    [
      [3, 1],
      [2, 1, 4],
    ],
    [[], [2, 2]],
  ].map(([a = [], b = []]) => ({
    name: `${name} [${a}] [${b}]`,
    inputs: { a: positive(a), b: positive(b) },
    fn: (t: Tensors) => tf[name](t.a as tf.Tensor, t.b as tf.Tensor) as tf.Tensor,
    // tfjs's own gradient of these does not reduce over broadcast axes.
    ...(['maximum', 'minimum', 'squaredDifference'].includes(name) && `${a}` !== `${b}` ? { by: [] } : {}),
  })),
);

const comparisons: Case[] = (['equal', 'notEqual', 'greater', 'greaterEqual', 'less', 'lessEqual'] as const).map(
  (name) => ({
    name,
    inputs: { a: integers([1, 2, 3, 4]), b: integers([4, 2, 3, 1]) },
    fn: (t: Tensors) => tf[name](t.a as tf.Tensor, t.b as tf.Tensor),
    by: [],
  }),
);

const reductions: Case[] = (['sum', 'mean', 'max', 'min', 'prod'] as const).flatMap((name) =>
  ([undefined, 0, [1, 2], [-1]] as const).flatMap((axis) =>
    [false, true].map((keepDims) => ({
      name: `${name} axis ${axis} keepDims ${keepDims}`,
      inputs: { x: random([2, 3, 4]) },
      fn: ({ x }: Tensors) => tf[name](x as tf.Tensor, axis as number, keepDims) as tf.Tensor,
      ...(name === 'prod' ? { by: [] } : {}),
    })),
  ),
);

type Geometry = readonly [size: number, kernel: number, stride: number, pad: 'same' | 'valid' | number | number[]];
const geometries: Geometry[] = [
  [6, 3, 1, 1],
  [6, 3, 1, 'same'],
  [24, 3, 1, 1],
  [46, 2, 2, 'valid'],
  [7, 3, 2, 1],
  [8, 3, 2, 'same'],
  [7, 3, 2, 'same'],
  [5, 1, 1, 0],
  [6, 1, 2, 0],
  [7, 1, 2, 'valid'],
  [9, 7, 2, 3],
  [6, 2, 2, 'valid'],
  [7, 2, 2, 'valid'],
  [5, 3, 1, 'valid'],
  [6, 3, 1, [0, 2]],
  [8, 3, 2, [0, 1]],
  [19, 3, 2, 1],
];
const padOf = (pad: Geometry[3]) =>
  (Array.isArray(pad) ? [[0, 0], pad, pad, [0, 0]] : pad) as 'same' | 'valid' | number;
const roundingOf = (pad: Geometry[3]) => (typeof pad === 'number' ? 'floor' : undefined);

const convolutions: Case[] = geometries.flatMap(([size, kernel, stride, pad]) => [
  {
    name: `conv2d ${size} k${kernel} s${stride} p${pad}`,
    inputs: { x: random([2, size, size + 1, 3]), w: random([kernel, kernel, 3, 4]) },
    fn: (t: Tensors) => tf.conv2d(x4(t), t.w as tf.Tensor4D, stride, padOf(pad), 'NHWC', 1, roundingOf(pad)),
  },
  {
    name: `depthwiseConv2d ${size} k${kernel} s${stride} p${pad}`,
    inputs: { x: random([2, size, size + 1, 3]), w: random([kernel, kernel, 3, 2]) },
    fn: (t: Tensors) => tf.depthwiseConv2d(x4(t), t.w as tf.Tensor4D, stride, padOf(pad), 'NHWC', 1, roundingOf(pad)),
  },
]);

const transposedConvolutions: Case[] = (
  [
    [2, 2, 'valid', 1],
    [3, 2, 'same', 1],
    [3, 1, 'same', 1],
    [2, 2, 'valid', 3],
    [3, 2, 'same', 3],
  ] as const
).map(([kernel, stride, pad, scale]) => {
  const [height, width] = [3 * scale, 4 * scale];
  return {
    name: `conv2dTranspose ${height}x${width} k${kernel} s${stride}`,
    inputs: { x: random([2, height, width, 3]), w: random([kernel, kernel, 5, 3]) },
    fn: (t: Tensors) =>
      tf.conv2dTranspose(x4(t), t.w as tf.Tensor4D, [2, height * stride, width * stride, 5], stride, pad),
  };
});

const poolings: Case[] = (
  [
    [7, 3, 2, 1],
    [8, 3, 2, 'same'],
    [6, 2, 2, 'valid'],
    [5, 5, 1, 'valid'],
  ] as const
).flatMap(([size, kernel, stride, pad]) => [
  {
    name: `maxPool ${size} k${kernel} s${stride} p${pad}`,
    inputs: { x: random([2, size, size, 3]) },
    fn: (t: Tensors) => tf.maxPool(x4(t), kernel, stride, pad, typeof pad === 'number' ? 'floor' : undefined),
  },
  {
    name: `avgPool ${size} k${kernel} s${stride} p${pad}`,
    inputs: { x: random([2, size, size, 3]) },
    fn: (t: Tensors) => tf.avgPool(x4(t), kernel, stride, pad, typeof pad === 'number' ? 'floor' : undefined),
    // tfjs divides by the pixels that a window covers forward, but by all of the window backward.
    ...(pad === 'valid' ? {} : { by: [] }),
  },
]);

const resizes: Case[] = (
  [
    [2, 8],
    [4, 9],
    [8, 8],
    [9, 4],
    [3, 7],
  ] as const
).flatMap(([from, to]) =>
  (
    [
      [true, false],
      [false, false],
      [false, true],
    ] as const
  ).flatMap(([align, half]) => [
    {
      name: `resizeBilinear ${from}->${to} align ${align} half ${half}`,
      // Square, because tfjs's own gradient exchanges height and width.
      inputs: { x: random([2, from, from, 3]) },
      fn: (t: Tensors) => tf.image.resizeBilinear(x4(t), [to, to + 1], align, half),
      // tfjs's own gradient ignores halfPixelCenters.
      ...(half ? { by: [] } : {}),
    },
    {
      name: `resizeNearestNeighbor ${from}->${to} align ${align} half ${half}`,
      inputs: { x: random([2, from, from + 1, 3]) },
      fn: (t: Tensors) => tf.image.resizeNearestNeighbor(x4(t), [to, to + 1], align, half),
      by: [],
    },
  ]),
);

const products: Case[] = [false, true].flatMap((ta) =>
  [false, true].flatMap((tb) => [
    {
      name: `matMul ${ta} ${tb}`,
      inputs: { a: random(ta ? [4, 3] : [3, 4]), b: random(tb ? [5, 4] : [4, 5]) },
      fn: (t: Tensors) => tf.matMul(t.a as tf.Tensor, t.b as tf.Tensor, ta, tb),
    },
    {
      name: `matMul batched ${ta} ${tb}`,
      inputs: { a: random(ta ? [2, 4, 3] : [2, 3, 4]), b: random(tb ? [2, 5, 4] : [2, 4, 5]) },
      fn: (t: Tensors) => tf.matMul(t.a as tf.Tensor, t.b as tf.Tensor, ta, tb),
    },
    {
      name: `matMul of transposes ${ta} ${tb}`,
      inputs: { a: random(ta ? [3, 4] : [4, 3]), b: random(tb ? [4, 5] : [5, 4]) },
      fn: (t: Tensors) => tf.matMul(tf.transpose(t.a as tf.Tensor), tf.transpose(t.b as tf.Tensor), ta, tb),
    },
  ]),
);

const x = random([2, 3, 4]);
const shapes: Case[] = [
  { name: 'reshape', inputs: { x }, fn: (t) => tf.reshape(t.x as tf.Tensor, [6, 4]) },
  { name: 'expandDims', inputs: { x }, fn: (t) => tf.expandDims(t.x as tf.Tensor, 1) },
  { name: 'squeeze', inputs: { x: random([2, 1, 3]) }, fn: (t) => tf.squeeze(t.x as tf.Tensor) },
  { name: 'transpose', inputs: { x }, fn: (t) => tf.transpose(t.x as tf.Tensor, [2, 0, 1]) },
  { name: 'reshape of a transpose', inputs: { x }, fn: (t) => tf.reshape(tf.transpose(t.x as tf.Tensor), [4, 6]) },
  {
    name: 'split axis of a transpose',
    inputs: { x },
    fn: (t) => tf.reshape(tf.transpose(t.x as tf.Tensor, [2, 0, 1]), [2, 2, 1, 2, 3]),
  },
  { name: 'tile', inputs: { x }, fn: (t) => tf.tile(t.x as tf.Tensor, [1, 2, 3]) },
  { name: 'broadcastTo', inputs: { x: random([3, 1]) }, fn: (t) => tf.broadcastTo(t.x as tf.Tensor, [2, 3, 4]) },
  {
    name: 'sum of a broadcast',
    inputs: { x: random([3, 1]) },
    fn: (t) => tf.sum(tf.broadcastTo(t.x as tf.Tensor, [2, 3, 4]), [0, 2]),
  },
  {
    name: 'slice, pad, concat and reshape of a broadcast',
    inputs: { x: random([3, 1]) },
    fn: (t) => {
      const wide = tf.broadcastTo(t.x as tf.Tensor2D, [3, 4]) as tf.Tensor2D;
      const parts = [
        tf.slice(wide, [1, 1], [2, 2]),
        tf.pad(tf.slice(wide, [0, 0], [1, 2]), [
          [0, 1],
          [0, 0],
        ]),
      ];
      return tf.reshape(tf.concat(parts, 0), [2, 4]);
    },
  },
  {
    name: 'concat',
    inputs: { x, y: random([2, 5, 4]) },
    fn: (t) => tf.concat([t.x as tf.Tensor, t.y as tf.Tensor], 1),
  },
  { name: 'stack', inputs: { x, y: random([2, 3, 4]) }, fn: (t) => tf.stack([t.x as tf.Tensor, t.y as tf.Tensor], 1) },
  { name: 'unstack', inputs: { x }, fn: (t) => tf.unstack(t.x as tf.Tensor, 1) },
  { name: 'split', inputs: { x }, fn: (t) => tf.split(t.x as tf.Tensor, [1, 3], 2) },
  { name: 'slice', inputs: { x }, fn: (t) => tf.slice(t.x as tf.Tensor, [0, 1, 1], [2, 2, -1]) },
  {
    name: 'stridedSlice',
    inputs: { x },
    fn: (t) => tf.stridedSlice(t.x as tf.Tensor, [0, 2, 0], [2, 0, 4], [1, -1, 2]),
    by: [],
  },
  { name: 'reverse', inputs: { x }, fn: (t) => tf.reverse(t.x as tf.Tensor, [0, 2]) },
  {
    name: 'pad',
    inputs: { x: random([2, 3]) },
    fn: (t) =>
      tf.pad(t.x as tf.Tensor2D, [
        [1, 0],
        [2, 1],
      ]),
  },
  {
    name: 'mirrorPad reflect',
    inputs: { x: random([3, 4]) },
    fn: (t) =>
      tf.mirrorPad(
        t.x as tf.Tensor2D,
        [
          [1, 2],
          [2, 1],
        ],
        'reflect',
      ),
    by: [],
  },
  {
    name: 'mirrorPad symmetric',
    inputs: { x: random([3, 4]) },
    fn: (t) =>
      tf.mirrorPad(
        t.x as tf.Tensor2D,
        [
          [1, 3],
          [2, 1],
        ],
        'symmetric',
      ),
    by: [],
  },
];

const selections: Case[] = [
  {
    name: 'gather',
    inputs: { x: random([4, 3]), i: integers([2, 0, 2]) },
    fn: (t) => tf.gather(t.x as tf.Tensor, t.i as tf.Tensor1D),
  },
  {
    name: 'gather axis 1',
    inputs: { x: random([2, 4, 3]), i: integers([2, 0, 2, 1], [2, 2]) },
    fn: (t) => tf.gather(t.x as tf.Tensor, t.i as tf.Tensor1D, 1),
    by: [],
  },
  {
    name: 'gather with batch',
    inputs: { x: random([2, 4, 3]), i: integers([2, 0, 3, 1], [2, 2]) },
    fn: (t) => tf.gather(t.x as tf.Tensor, t.i as tf.Tensor1D, 1, 1),
    by: [],
  },
  {
    name: 'gatherND',
    inputs: { x: random([4, 3]), i: integers([2, 0, 3, 1], [2, 2]) },
    fn: (t) => tf.gatherND(t.x as tf.Tensor, t.i as tf.Tensor),
    by: [],
  },
  { name: 'oneHot', inputs: { i: integers([2, 0, 1]) }, fn: (t) => tf.oneHot(t.i as tf.Tensor, 4), by: [] },
  {
    name: 'argMax',
    inputs: { x },
    fn: (t) => [tf.argMax(t.x as tf.Tensor, 1), tf.argMin(t.x as tf.Tensor, 2)],
    by: [],
  },
  {
    name: 'where',
    inputs: { c: { shape: [2, 1], data: [1, 0], dtype: 'bool' }, a: random([2, 3]), b: random([3]) },
    fn: (t) => tf.where(t.c as tf.Tensor, t.a as tf.Tensor, t.b as tf.Tensor),
  },
  {
    name: 'unsortedSegmentSum',
    inputs: { x: random([4, 3]), i: integers([1, 0, 1, 2]) },
    fn: (t) => tf.unsortedSegmentSum(t.x as tf.Tensor, t.i as tf.Tensor1D, 3),
    by: [],
  },
  {
    name: 'logical',
    inputs: { a: integers([1, 2, 3, 4]), b: integers([4, 2, 3, 1]) },
    fn: (t) => {
      const less = tf.less(t.a as tf.Tensor, t.b as tf.Tensor);
      const equal = tf.equal(t.a as tf.Tensor, t.b as tf.Tensor);
      return [tf.logicalAnd(less, equal), tf.logicalOr(less, equal), tf.logicalNot(less), tf.any(less), tf.all(less)];
    },
    by: [],
  },
  {
    name: 'integer division and remainder',
    inputs: { a: integers([7, -7, 7, -7]), b: integers([2, 2, -2, -2]) },
    fn: (t) => [tf.floorDiv(t.a as tf.Tensor, t.b as tf.Tensor), tf.mod(t.a as tf.Tensor, t.b as tf.Tensor)],
    by: [],
  },
  { name: 'clipByValue', inputs: { x }, fn: (t) => tf.clipByValue(t.x as tf.Tensor, -1, 1) },
  { name: 'prelu', inputs: { x, a: random([4]) }, fn: (t) => tf.prelu(t.x as tf.Tensor, t.a as tf.Tensor) },
  {
    name: 'addN',
    inputs: { x, y: random([2, 3, 4]) },
    fn: (t) => tf.addN([t.x as tf.Tensor, t.y as tf.Tensor]),
    by: [],
  },
  { name: 'logSumExp', inputs: { x }, fn: (t) => tf.logSumExp(t.x as tf.Tensor, 1) },
  { name: 'norm', inputs: { x }, fn: (t) => tf.norm(t.x as tf.Tensor, 'euclidean', 2) },
  {
    name: 'moments of channels after a convolution',
    inputs: { x: random([2, 4, 4, 3]), w: random([3, 3, 3, 5]) },
    fn: (t) => {
      const y = tf.conv2d(x4(t), t.w as tf.Tensor4D, 1, 'same');
      const { mean, variance } = tf.moments(y, [0, 1, 2]);
      return tf.mul(tf.sub(y, mean), tf.rsqrt(tf.add(variance, 1e-5)));
    },
  },
  {
    name: 'flattened convolution',
    inputs: { x: random([2, 4, 4, 3]), w: random([3, 3, 3, 5]) },
    fn: (t) => tf.reshape(tf.conv2d(x4(t), t.w as tf.Tensor4D, 1, 'same'), [2, 80]),
  },
];

const groups: Record<string, Case[]> = {
  unary: [...unary, ...unaryPositive],
  binary: [...binary, ...comparisons],
  reductions,
  convolutions: [...convolutions, ...transposedConvolutions],
  poolings,
  resizes,
  products,
  shapes,
  selections,
};

/** Outputs of the case and gradients of sum(output * weights), with weights that differ everywhere. */
function withGradients({ inputs, fn, by }: Case) {
  const names = by ?? Object.keys(inputs).filter((name) => (inputs[name]?.dtype ?? 'float32') === 'float32');
  return (t: Tensors): Tensors => {
    const outputs = [fn(t)].flat();
    const results: Tensors = Object.fromEntries(
      outputs.map((output, i) => [`output${i}`, tf.add(tf.cast(output, 'float32'), 0)]),
    );
    if (names.length === 0) return results;
    const loss = (...xs: tf.Tensor[]) =>
      tf.addN(
        [fn({ ...t, ...Object.fromEntries(names.map((name, i) => [name, xs[i] as tf.Tensor])) })].flat().map((y) => {
          const weights = Float32Array.from({ length: y.size }, (_, i) => ((i * 7) % 11) / 8 - 0.5);
          return tf.sum(tf.mul(y, tf.tensor(weights, y.shape))) as tf.Scalar;
        }),
      ) as tf.Scalar;
    const gradients = tf.grads(loss as (...xs: tf.Tensor[]) => tf.Tensor)(names.map((name) => t[name] as tf.Tensor));
    gradients.forEach((gradient, i) => {
      results[`d${names[i]}`] = gradient;
    });
    return results;
  };
}

/** Holds what ONNX Runtime makes of a recorded case against tfjs. */
async function agrees(one: Case, target: Target) {
  const fn = withGradients(one);
  const expected = await evaluate('eager', one.inputs, fn);
  const actual = await evaluate('compiled', one.inputs, fn, target);
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, { shape, data }] of Object.entries(expected)) {
    expect(actual[name]?.shape, name).toEqual(shape);
    const scale = Math.max(1, ...Array.from(data, Math.abs));
    const worst = Array.from<number>(data).reduce(
      (max, v, i) => Math.max(max, Math.abs(v - (actual[name]?.data[i] ?? Number.NaN))),
      0,
    );
    expect(worst / scale, name).toBeLessThan(2e-6);
  }
}

for (const [group, cases] of Object.entries(groups)) {
  describe(`recorded ${group} agree with tfjs`, () => {
    it.each(cases)('$name', (one) => agrees(one, 'training'));
  });
}

describe('convolutions recorded for CUDA or anywhere agree with tfjs', () => {
  const targets = ['training-cuda', 'inference'] as const;
  it.each([...convolutions, ...transposedConvolutions].flatMap((one) => targets.map((target) => ({ ...one, target }))))(
    '$target: $name',
    (one) => agrees(one, one.target),
  );
});
