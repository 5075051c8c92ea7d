import type { Backbone, ConvLayer, Operation } from './table.js';

/** A block's outer width is so many times its nominal one. */
const EXPANSION = 4;

/** What tells one residual network from another (He et al. 2016; Zagoruyko and Komodakis 2016 for the wide one). */
interface ResNet {
  readonly name: string;
  /** Blocks of stages 1 to 4. */
  readonly blocks: readonly [number, number, number, number];
  /** Only of bottleneck blocks: inner channels for each 64 of the nominal width. Without, they are basic ones. */
  readonly baseWidth?: number;
}

type Shape = readonly [input: number, output: number];

function conv(
  [name, norm]: readonly [name: string, norm: string],
  [kernel, stride]: readonly [kernel: number, stride: number],
  [input, output]: Shape,
  activation: ConvLayer['activation'],
): ConvLayer {
  return { kind: 'conv', name, norm, kernel, stride, input, output, activation, padding: 'symmetric' };
}

/** The main path of a block; in a bottleneck the 3x3 convolution has the stride, as in torchvision and timm. */
function mainPath(name: string, [input, output]: Shape, inner: number | undefined, stride: number): ConvLayer[] {
  const names = (number: number) => [`${name}.conv${number}`, `${name}.bn${number}`] as const;
  if (inner === undefined) {
    return [conv(names(1), [3, stride], [input, output], 'relu'), conv(names(2), [3, 1], [output, output], 'none')];
  }
  return [
    conv(names(1), [1, 1], [input, inner], 'relu'),
    conv(names(2), [3, stride], [inner, inner], 'relu'),
    conv(names(3), [1, 1], [inner, output], 'none'),
  ];
}

function block(name: string, [input, output]: Shape, inner: number | undefined, stride: number): Operation[] {
  const changes = input !== output || stride !== 1;
  const downsample = [`${name}.downsample.0`, `${name}.downsample.1`] as const;
  return [
    { do: 'save', as: `${name}.input` },
    ...mainPath(name, [input, output], inner, stride).map((layer): Operation => ({ do: 'conv', layer })),
    ...(changes
      ? ([
          { do: 'save', as: `${name}.main` },
          { do: 'conv', layer: conv(downsample, [1, stride], [input, output], 'none'), from: `${name}.input` },
          { do: 'add', of: `${name}.main`, relu: true },
        ] as const)
      : ([{ do: 'add', of: `${name}.input`, relu: true }] as const)),
  ];
}

/** A residual network to stage 3, torchvision's and timm's names and normalisation. */
function resnet({ name, blocks, baseWidth }: ResNet): Backbone {
  const expansion = baseWidth === undefined ? 1 : EXPANSION;
  const widths = [64, 128, 256].map((width) => width * expansion) as [number, number, number];
  const stages = widths.flatMap((output, i): Operation[] => {
    const stage = `layer${i + 1}`;
    const inner = baseWidth === undefined ? undefined : 2 ** i * baseWidth;
    const before = i === 0 ? 64 : (widths[i - 1] as number);
    const all = Array.from({ length: blocks[i] as number }, (_, b) =>
      block(`${stage}.${b}`, [b === 0 ? before : output, output], inner, b === 0 && i > 0 ? 2 : 1),
    );
    return [...all.flat(), { do: 'save', as: stage }];
  });
  return {
    name,
    operations: [{ do: 'conv', layer: conv(['conv1', 'bn1'], [7, 2], [3, 64], 'relu') }, { do: 'maxPool' }, ...stages],
    taps: [
      { name: 'layer1', channels: widths[0], stride: 4 },
      { name: 'layer2', channels: widths[1], stride: 8 },
      { name: 'layer3', channels: widths[2], stride: 16 },
    ],
    normalisation: { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] },
    student: {
      neckBlocks: blocks[3],
      decoderBlocks: [blocks[0], blocks[1], blocks[2]],
      ...(baseWidth === undefined ? {} : { bottleneck: { expansion, baseWidth } }),
    },
    beyond: /^(layer4|fc)\./,
  };
}

/** The residual networks that RD is published with. */
export const RESNETS: readonly Backbone[] = [
  resnet({ name: 'resnet18', blocks: [2, 2, 2, 2] }),
  resnet({ name: 'resnet34', blocks: [3, 4, 6, 3] }),
  resnet({ name: 'resnet50', blocks: [3, 4, 6, 3], baseWidth: 64 }),
  resnet({ name: 'wide_resnet50_2', blocks: [3, 4, 6, 3], baseWidth: 128 }),
];
