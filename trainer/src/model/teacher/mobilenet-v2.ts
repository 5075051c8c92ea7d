import type { Backbone, ConvLayer, Operation } from './table.js';

/** Output width and stride of the inverted residual blocks 1 to 13 (Sandler et al. 2018, table 2); block 1 does not expand. */
const BLOCKS: readonly (readonly [output: number, stride: number])[] = [
  [16, 1],
  [24, 2],
  [24, 1],
  [32, 2],
  [32, 1],
  [32, 1],
  [64, 2],
  [64, 1],
  [64, 1],
  [64, 1],
  [96, 1],
  [96, 1],
  [96, 1],
];
const EXPANSION = 6;

const layer = (
  kind: ConvLayer['kind'],
  name: string,
  [kernel, stride]: readonly [number, number],
  [input, output]: readonly [number, number],
  activation: ConvLayer['activation'],
): ConvLayer => ({ kind, name, kernel, stride, input, output, activation, padding: 'same' });

function block(number: number, input: number, output: number, stride: number): Operation[] {
  const name = `block${number}`;
  const wide = number === 1 ? input : input * EXPANSION;
  const residual = stride === 1 && input === output;
  return [
    ...(residual ? [{ do: 'save', as: `${name}.input` } as const] : []),
    ...(number === 1 ? [] : [expand(number, input)]),
    { do: 'conv', layer: layer('depthwise', `${name}.depthwise`, [3, stride], [wide, wide], 'relu6') },
    { do: 'conv', layer: layer('conv', `${name}.project`, [1, 1], [wide, output], 'none'), save: `${name}.project` },
    ...(residual ? [{ do: 'add', of: `${name}.input`, relu: false } as const] : []),
  ];
}

function expand(number: number, input: number): Operation {
  const name = `block${number}.expand`;
  return { do: 'conv', layer: layer('conv', name, [1, 1], [input, input * EXPANSION], 'relu6'), save: name };
}

function operations(): Operation[] {
  const all: Operation[] = [{ do: 'conv', layer: layer('conv', 'stem', [3, 2], [3, 32], 'relu6') }];
  let width = 32;
  BLOCKS.forEach(([output, stride], i) => {
    all.push(...block(i + 1, width, output, stride));
    width = output;
  });
  // Block 14 brings stride 32; only its expansion, still at stride 16, is tapped.
  return [...all, expand(14, width)];
}

/** ImageNet MobileNetV2 1.0 to stride 16, tapped at the expansions just before each halving. Input x / 127.5 - 1. */
export const MOBILENET_V2: Backbone = {
  name: 'mobilenet_v2',
  operations: operations(),
  taps: [
    { name: 'block3.expand', channels: 144, stride: 4 },
    { name: 'block7.expand', channels: 192, stride: 8 },
    { name: 'block14.expand', channels: 576, stride: 16 },
  ],
  normalisation: { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] },
  student: { neckBlocks: 2, decoderBlocks: [2, 2, 2] },
  beyond: /^(block1[4-7]|head|classifier)\./,
};
