import { tf } from '../graph/tfjs.js';
import { conv2d, convTranspose2d } from './layers/convolution.js';
import { batchNormEvaluation, batchNormTraining, moments, updateRunning } from './layers/normalise.js';
import type { Initializer, Mode, ParameterSpec, StatisticSpec, Weights } from './parameters.js';

/** Parameters and running statistics that a part of the network needs. */
export interface Declared {
  readonly parameters: readonly ParameterSpec[];
  readonly statistics: readonly StatisticSpec[];
}

export function join(...parts: readonly Declared[]): Declared {
  return {
    parameters: parts.flatMap((part) => part.parameters),
    statistics: parts.flatMap((part) => part.statistics),
  };
}

const kaiming = (fan: number): Initializer => ({ kind: 'kaiming', fan });

function declareFilter(name: string, shape: readonly number[], init: Initializer, stride: number): Declared {
  return { parameters: [{ name: `${name}.weight`, shape, group: 'student', init, stride }], statistics: [] };
}

/** A convolution as the declarations need it. */
export interface ConvShape {
  readonly kernel: number;
  readonly input: number;
  readonly output: number;
  /** Input pixels of the network from one application of the filter to the next: the stride of its output map. */
  readonly stride: number;
}

/** A convolution's filter [k,k,I,O]. */
export function declareConv(name: string, { kernel, input, output, stride }: ConvShape): Declared {
  return declareFilter(name, [kernel, kernel, input, output], kaiming(output * kernel * kernel), stride);
}

/** A transposed convolution's filter [k,k,O,I], applied at every position of its input, whose map has `stride`. */
function declareUp(name: string, { input, output, stride }: ConvShape): Declared {
  return declareFilter(name, [2, 2, output, input], kaiming(input * 4), stride);
}

/** Batch normalisation over `channels`. */
export function declareBatchNorm(name: string, channels: number): Declared {
  return {
    parameters: [
      { name: `${name}.weight`, shape: [channels], group: 'student', init: { kind: 'constant', value: 1 } },
      { name: `${name}.bias`, shape: [channels], group: 'student', init: { kind: 'constant', value: 0 } },
    ],
    statistics: [
      { name: `${name}.running_mean`, shape: [channels], initial: 0 },
      { name: `${name}.running_var`, shape: [channels], initial: 1 },
    ],
  };
}

/** Batch normalisation by name: batch moments in training, which also move the running estimates. */
export function batchNorm(x: tf.Tensor4D, name: string, weights: Weights, mode: Mode): tf.Tensor4D {
  const gamma = weights.get(`${name}.weight`);
  const beta = weights.get(`${name}.bias`);
  const mean = weights.get(`${name}.running_mean`);
  const variance = weights.get(`${name}.running_var`);
  if (!mode.training) return batchNormEvaluation(x, gamma, beta, { mean, variance });
  const batch = moments(x, [0, 1, 2]);
  const [images, height, width] = x.shape;
  const next = updateRunning({ mean, variance }, batch, images * height * width);
  mode.update?.(`${name}.running_mean`, next.mean);
  mode.update?.(`${name}.running_var`, next.variance);
  return batchNormTraining(x, gamma, beta, batch);
}

/** Names of a residual block's parts, as the reference network calls them. */
export interface BlockShape {
  readonly name: string;
  readonly input: number;
  readonly output: number;
  /** Channels between of a bottleneck block; without, the block is a basic one. */
  readonly inner?: number;
  /** `down`: stride 2; `up`: a 2x2 stride-2 transposed convolution; `same`: size stays. */
  readonly resize: 'down' | 'up' | 'same';
  /** Stride of the block's output map, in pixels of the network's input. */
  readonly stride: number;
}

/** One convolution of a block's main path, with the batch normalisation behind it. */
interface Step extends ConvShape {
  readonly resize: BlockShape['resize'];
}

/**
 * The main path. Basic: the first of two 3x3 resizes. Bottleneck (1x1, 3x3, 1x1): the middle one does, as in torchvision.
 * Upwards a 2x2 transposed convolution takes the 3x3's place (RD4AD).
 */
function stepsOf({ input, output, inner, resize, stride }: BlockShape): Step[] {
  const before = strideBefore(resize, stride);
  const resized = resize === 'up' ? before : stride;
  if (inner === undefined) {
    return [
      { kernel: 3, input, output, resize, stride: resized },
      { kernel: 3, input: output, output, resize: 'same', stride },
    ];
  }
  return [
    { kernel: 1, input, output: inner, resize: 'same', stride: before },
    { kernel: 3, input: inner, output: inner, resize, stride: resized },
    { kernel: 1, input: inner, output, resize: 'same', stride },
  ];
}

/** Stride of a block's input map. */
function strideBefore(resize: BlockShape['resize'], stride: number): number {
  if (resize === 'same') return stride;
  return resize === 'up' ? stride * 2 : stride / 2;
}

/** A block changes its shortcut where size or width change. */
function hasShortcut({ input, output, resize }: BlockShape): boolean {
  return resize !== 'same' || input !== output;
}

export function declareBlock(block: BlockShape): Declared {
  const { name, input, output, resize, stride } = block;
  const main = stepsOf(block).flatMap((step, i) => [
    (step.resize === 'up' ? declareUp : declareConv)(`${name}.conv${i + 1}`, step),
    declareBatchNorm(`${name}.bn${i + 1}`, step.output),
  ]);
  if (!hasShortcut(block)) return join(...main);
  const shortcut =
    resize === 'up'
      ? declareUp(`${name}.us`, { kernel: 2, input, output, stride: strideBefore(resize, stride) })
      : declareConv(`${name}.ds`, { kernel: 1, input, output, stride });
  return join(...main, shortcut, declareBatchNorm(`${name}.${resize === 'up' ? 'usbn' : 'dsbn'}`, output));
}

/**
 * Residual block, basic or bottleneck: convolutions each with batch norm, relu between, plus shortcut, then relu (He et al.
 * 2016; RD4AD mirrors both for decoding).
 */
export function residualBlock(x: tf.Tensor4D, block: BlockShape, weights: Weights, mode: Mode): tf.Tensor4D {
  const { name } = block;
  const main = stepsOf(block).reduce((input, { kernel, resize }, i) => {
    const filter = weights.get(`${name}.conv${i + 1}.weight`);
    const activated = i === 0 ? input : tf.relu(input);
    const y =
      resize === 'up'
        ? convTranspose2d(activated, filter, 2)
        : conv2d(activated, filter, { stride: resize === 'down' ? 2 : 1, padding: (kernel - 1) / 2 });
    return batchNorm(y, `${name}.bn${i + 1}`, weights, mode);
  }, x);
  return tf.relu(tf.add(main, shortcutOf(x, block, weights, mode))) as tf.Tensor4D;
}

function shortcutOf(x: tf.Tensor4D, block: BlockShape, weights: Weights, mode: Mode): tf.Tensor4D {
  if (!hasShortcut(block)) return x;
  const { name, resize } = block;
  if (resize === 'up') {
    return batchNorm(convTranspose2d(x, weights.get(`${name}.us.weight`), 2), `${name}.usbn`, weights, mode);
  }
  const stride = resize === 'down' ? 2 : 1;
  return batchNorm(conv2d(x, weights.get(`${name}.ds.weight`), { stride }), `${name}.dsbn`, weights, mode);
}

/** conv 3x3, batch norm, relu. */
export function convNormRelu(
  x: tf.Tensor4D,
  names: { readonly conv: string; readonly norm: string },
  stride: number,
  weights: Weights,
  mode: Mode,
): tf.Tensor4D {
  const y = conv2d(x, weights.get(`${names.conv}.weight`), { stride, padding: 1 });
  return tf.relu(batchNorm(y, names.norm, weights, mode));
}
