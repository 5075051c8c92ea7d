import type { Backbone, ConvLayer, Operation } from './table.js';

const conv = (
  name: string,
  kernel: number,
  stride: number,
  [input, output]: readonly [number, number],
  activation: ConvLayer['activation'],
): ConvLayer => ({ kind: 'conv', name, kernel, stride, input, output, activation, padding: 'symmetric' });

function basicBlock(name: string, input: number, output: number, stride: number): Operation[] {
  const shortcut = `${name}.shortcut`;
  const downsample = conv(`${name}.downsample.0`, 1, stride, [input, output], 'none');
  return [
    { do: 'save', as: `${name}.input` },
    { do: 'conv', layer: conv(`${name}.conv1`, 3, stride, [input, output], 'relu') },
    { do: 'conv', layer: conv(`${name}.conv2`, 3, 1, [output, output], 'none'), save: `${name}.main` },
    ...(input === output
      ? [{ do: 'add', of: `${name}.input`, relu: true } as const]
      : [
          { do: 'conv', layer: downsample, from: `${name}.input`, save: shortcut } as const,
          { do: 'add', of: `${name}.main`, relu: true } as const,
        ]),
  ];
}

function stage(number: 1 | 2 | 3, input: number, output: number): Operation[] {
  const name = `layer${number}`;
  return [
    ...basicBlock(`${name}.0`, input, output, number === 1 ? 1 : 2),
    ...basicBlock(`${name}.1`, output, output, 1),
    { do: 'save', as: name },
  ];
}

/** ResNet-18 to stage 3 (He et al. 2016), BatchNorm folded, torchvision's names and normalisation. */
export const RESNET_18: Backbone = {
  name: 'resnet18',
  operations: [
    { do: 'conv', layer: conv('conv1', 7, 2, [3, 64], 'relu') },
    { do: 'maxPool' },
    ...stage(1, 64, 64),
    ...stage(2, 64, 128),
    ...stage(3, 128, 256),
  ],
  taps: [
    { name: 'layer1', channels: 64, stride: 4 },
    { name: 'layer2', channels: 128, stride: 8 },
    { name: 'layer3', channels: 256, stride: 16 },
  ],
  normalisation: { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] },
};
