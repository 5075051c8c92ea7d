import { tf } from '../graph/tfjs.js';
import { conv2d, convTranspose2d } from './layers/convolution.js';
import { batchNormEvaluation, batchNormTraining, instanceNorm, moments, updateRunning } from './layers/normalise.js';
import type { Initializer, Mode, ParameterGroup, ParameterSpec, StatisticSpec, Weights } from './parameters.js';

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
const uniform = (fan: number): Initializer => ({ kind: 'uniform', fan });

function parameter(name: string, shape: readonly number[], init: Initializer, group: ParameterGroup): Declared {
  return { parameters: [{ name, shape, group, init }], statistics: [] };
}

/** A convolution's filter [k,k,I,O]. */
export function declareConv(name: string, kernel: number, input: number, output: number): Declared {
  return parameter(`${name}.weight`, [kernel, kernel, input, output], kaiming(output * kernel * kernel), 'student');
}

/** A transposed convolution's filter [k,k,O,I]. */
function declareUp(name: string, input: number, output: number): Declared {
  return parameter(`${name}.weight`, [2, 2, output, input], kaiming(input * 4), 'student');
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
  /** `down`: stride 2; `up`: a 2x2 stride-2 transposed convolution comes first; `same`: size stays. */
  readonly resize: 'down' | 'up' | 'same';
}

/** A block changes its shortcut where size or width change. */
function hasShortcut({ input, output, resize }: BlockShape): boolean {
  return resize !== 'same' || input !== output;
}

export function declareBlock(block: BlockShape): Declared {
  const { name, input, output, resize } = block;
  const first =
    resize === 'up' ? declareUp(`${name}.conv1`, input, output) : declareConv(`${name}.conv1`, 3, input, output);
  const main = [
    first,
    declareBatchNorm(`${name}.bn1`, output),
    declareConv(`${name}.conv2`, 3, output, output),
    declareBatchNorm(`${name}.bn2`, output),
  ];
  if (!hasShortcut(block)) return join(...main);
  const shortcut =
    resize === 'up' ? declareUp(`${name}.us`, input, output) : declareConv(`${name}.ds`, 1, input, output);
  return join(...main, shortcut, declareBatchNorm(`${name}.${resize === 'up' ? 'usbn' : 'dsbn'}`, output));
}

/** Residual basic block: conv-bn-relu-conv-bn plus shortcut, then relu (He et al. 2016; RD4AD mirrors it for decoding). */
export function residualBlock(x: tf.Tensor4D, block: BlockShape, weights: Weights, mode: Mode): tf.Tensor4D {
  const { name, resize } = block;
  const filter = (part: string) => weights.get(`${name}.${part}.weight`);
  const stride = resize === 'down' ? 2 : 1;
  const first =
    resize === 'up' ? convTranspose2d(x, filter('conv1'), 2) : conv2d(x, filter('conv1'), { stride, padding: 1 });
  const hidden = tf.relu(batchNorm(first, `${name}.bn1`, weights, mode));
  const main = batchNorm(conv2d(hidden, filter('conv2'), { padding: 1 }), `${name}.bn2`, weights, mode);
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

/** The projector of one scale: 4 x [conv 3x3 with bias, instance norm, leaky relu], C -> C/2 -> C/4 -> C/2 -> C. */
export interface ProjectorShape {
  readonly name: string;
  readonly channels: number;
  /** Widths between are `channels` divided by `reduction` and by twice that; the paper's is 2. */
  readonly reduction: number;
}

function projectorWidths({ channels, reduction }: ProjectorShape): number[] {
  const middle = Math.max(1, Math.floor(channels / reduction));
  return [channels, middle, Math.max(1, Math.floor(middle / 2)), middle, channels];
}

export function declareProjector(shape: ProjectorShape): Declared {
  const widths = projectorWidths(shape);
  const parameters = widths.slice(1).flatMap((output, i): ParameterSpec[] => {
    const input = widths[i] as number;
    const init = uniform(input * 9);
    const name = `${shape.name}.${i}.0`;
    return [
      { name: `${name}.weight`, shape: [3, 3, input, output], group: 'projector', init },
      { name: `${name}.bias`, shape: [output], group: 'projector', init },
    ];
  });
  return { parameters, statistics: [] };
}

export function projectScale(x: tf.Tensor4D, { name }: ProjectorShape, weights: Weights): tf.Tensor4D {
  let y = x;
  for (let i = 0; i < 4; i++) {
    const bias = weights.get(`${name}.${i}.0.bias`);
    y = tf.leakyRelu(instanceNorm(conv2d(y, weights.get(`${name}.${i}.0.weight`), { padding: 1, bias })), 0.01);
  }
  return y;
}
