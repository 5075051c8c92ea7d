import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { tf } from '../graph/tfjs.js';

/** Parameter groups have a learning rate each. */
type ParameterGroup = 'projector' | 'student';

/** How a parameter starts. `fan` is PyTorch's fan-in (`uniform`) or fan-out (`kaiming`). */
export type Initializer =
  | { readonly kind: 'constant'; readonly value: number }
  /** Normal with variance 2 / fan: He et al. 2015, fan-out, as torchvision's ResNets start. */
  | { readonly kind: 'kaiming'; readonly fan: number }
  /** Uniform in +-1 / sqrt(fan): PyTorch's default for convolutions and their biases. */
  | { readonly kind: 'uniform'; readonly fan: number };

/** A trainable tensor. Filters are [kh,kw,I,O]; names are stable across checkpoint, ONNX and safetensors. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly group: ParameterGroup;
  readonly init: Initializer;
  /** Only of a filter: it is applied once in every `stride` x `stride` pixels of the network's input. */
  readonly stride?: number;
}

/** A running estimate of batch normalisation: part of the model, not trained. */
export interface StatisticSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: number;
}

/** Parameters, statistics and teacher weights by name. */
export interface Weights {
  /** @throws if nothing has this name */
  get(name: string): tf.Tensor;
}

/** How a network function runs: with batch moments, handing new running estimates to `update`, or with running ones. */
export interface Mode {
  readonly training: boolean;
  readonly update?: (name: string, value: tf.Tensor) => void;
}

/** Evaluation: running estimates, nothing updated. */
export const EVALUATION: Mode = { training: false };

/** Elements of a shape. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Starting values of all parameters and statistics; the same seed gives the same bits. */
export function initialise(
  parameters: readonly ParameterSpec[],
  statistics: readonly StatisticSpec[],
  seed: number,
): Map<string, Float32Array> {
  const values = new Map<string, Float32Array>();
  const generator = xoroshiro128plus(seed);
  const random = () => uniformFloat64(generator);
  for (const { name, shape, init } of parameters) values.set(name, fill(init, elements(shape), random));
  for (const { name, shape, initial } of statistics) values.set(name, new Float32Array(elements(shape)).fill(initial));
  return values;
}

function fill(init: Initializer, length: number, random: () => number): Float32Array {
  if (init.kind === 'constant') return new Float32Array(length).fill(init.value);
  if (init.kind === 'uniform') {
    const bound = 1 / Math.sqrt(init.fan);
    return Float32Array.from({ length }, () => (2 * random() - 1) * bound);
  }
  const deviation = Math.sqrt(2 / init.fan);
  // Box-Muller; 1 - u keeps the logarithm finite.
  return Float32Array.from(
    { length },
    () => deviation * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}
