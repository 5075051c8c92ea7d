import type { TensorSpec } from '../../graph/record.js';
import { tf } from '../../graph/tfjs.js';
import { adam, clipFactor, globalNorm, type Moments } from './adam.js';
import type { Chunk, Layout, Section, Slot } from './layout.js';
import type { BatchTensors, Lookup, LossTensors, OptimizerConfig, TrainingProgram } from './program.js';

export type Tensors = Record<string, tf.Tensor>;

/** The tensors of a chunk that a step changes: names among its inputs; among its outputs prefixed with `next.`. */
export const chunkNames = ({ name }: Chunk) =>
  ({ parameters: name, moment1: `moment1/${name}`, moment2: `moment2/${name}` }) as const;

/** Name of the concatenated running statistics among a step's outputs. */
export const NEXT_STATISTICS = 'next.statistics';

/** Output with the loss terms, in the order of {@link LOSS_TERMS}. */
export const LOSSES = 'losses';
export const LOSS_TERMS = ['total', 'kd', 'local', 'global', 'gradientNorm'] as const;

/** Inputs of a training step. Parameters and statistics come one by one, small parameters also as their chunk (for Adam). */
export function stepInputs(program: TrainingProgram, layout: Layout): Record<string, TensorSpec> {
  const { batch, size, needs } = program;
  const pixels: TensorSpec = { shape: [batch, size, size, 3], dtype: 'uint8' };
  const labels: TensorSpec = { shape: [batch], dtype: 'int32' };
  const scalar: TensorSpec = { shape: [], dtype: 'float32' };
  const optimizer: Record<string, TensorSpec> = { root: scalar };
  for (const [group, { chunks }] of layout.groups) {
    optimizer[`rate/${group}`] = scalar;
    for (const chunk of chunks) {
      for (const name of Object.values(chunkNames(chunk)))
        optimizer[name] = { shape: chunkShape(chunk), dtype: 'float32' };
    }
  }
  return {
    images: pixels,
    ...(needs.augmented ? { augmented: pixels } : {}),
    labels,
    ...(needs.negatives ? { negatives: labels } : {}),
    ...optimizer,
    ...weightInputs(layout),
  };
}

/** A chunk of one tensor has its shape, one of many is a vector. */
export function chunkShape({ name, slots, length }: Chunk): readonly number[] {
  const [only] = slots;
  return only?.name === name ? only.stored : [length];
}

/**
 * The shape in which a chunk is updated: its own without the window of a 1x1 filter. ONNX Runtime multiplies [128,576,1,1] by a scalar
 * element by element, thirty times as slowly as [128,576].
 */
function updateShape(chunk: Chunk): number[] {
  const shape = [...chunkShape(chunk)];
  while (shape.length > 1 && shape.at(-1) === 1) shape.pop();
  return shape;
}

/** Inputs of the validation function. */
export function validationInputs({ batch, size }: TrainingProgram, layout: Layout): Record<string, TensorSpec> {
  return { images: { shape: [batch, size, size, 3], dtype: 'uint8' }, ...weightInputs(layout) };
}

function weightInputs(layout: Layout): Record<string, TensorSpec> {
  const slots = [...layout.groups.values(), layout.statistics].flatMap((section) => section.slots);
  return Object.fromEntries(slots.map(({ name, stored }) => [name, { shape: stored, dtype: 'float32' } as const]));
}

/**
 * One training step: losses, gradients, clipping, Adam and new running statistics, as a function of tensors.
 * Outputs: `losses` [5], `next.<name>` for every tensor of every chunk, `next.statistics`.
 */
export function trainingStep(
  program: TrainingProgram,
  layout: Layout,
  optimizer: OptimizerConfig,
  frozen: Lookup,
  inputs: Tensors,
): Tensors {
  const slots = [...layout.groups.values()].flatMap((section) => section.slots);
  const parameters = slots.map(({ name }) => inputs[name] as tf.Tensor);
  const updated = new Map<string, tf.Tensor>();
  const kept: tf.Tensor[] = [];
  let losses: LossTensors | undefined;
  const { grads } = tf.engine().gradients(
    () => {
      // A layer that runs twice in a step starts its second run from the statistics of the first.
      const start = weightsOf(layout, frozen, inputs);
      const weights: Lookup = { get: (name) => updated.get(name) ?? start.get(name) };
      const update = (name: string, value: tf.Tensor) => {
        kept.push(tf.keep(value));
        updated.set(name, value);
      };
      const terms = program.loss(batchOf(inputs), weights, { training: true, update });
      for (const term of Object.values(terms)) if (term) kept.push(tf.keep(term));
      losses = terms;
      return terms.total;
    },
    parameters,
    undefined,
    true,
  );
  const gradients = new Map(slots.map(({ name }, i) => [name, grads[i] ?? undefined] as const));
  // ONNX Runtime computes the inputs of an operator from the one recorded last to the first, each with all that it needs. The clipping
  // factor is recorded after the gradients it scales, so the norm decides their order: from the last layer to the first, as backward
  // propagation meets them. Otherwise the gradients of all maps wait for those of the filters.
  const flat = new Map(
    [...layout.groups.values()].flatMap(({ chunks }) => chunks.map((c) => [c, flatten(c, gradients)] as const)),
  );
  const inOrder = program.parameters
    .map(({ name }) => gradients.get(name))
    .filter((gradient) => gradient !== undefined);
  const norm = globalNorm(inOrder);
  const factor = clipFactor(norm, optimizer.clipNorm);
  const outputs: Tensors = { [LOSSES]: stackLosses(losses as LossTensors, norm) };
  for (const [group, { chunks }] of layout.groups) {
    const rate = inputs[`rate/${group}`] as tf.Scalar;
    for (const chunk of chunks) {
      const names = chunkNames(chunk);
      const shape = updateShape(chunk);
      const shaped = (tensor: tf.Tensor | undefined) => tf.reshape(tensor as tf.Tensor, shape);
      const state: Moments = {
        parameters: shaped(inputs[names.parameters]),
        moment1: shaped(inputs[names.moment1]),
        moment2: shaped(inputs[names.moment2]),
      };
      const gradient = shaped(flat.get(chunk));
      const next = adam(state, gradient, factor, rate, inputs.root as tf.Scalar, optimizer);
      for (const key of ['parameters', 'moment1', 'moment2'] as const) {
        outputs[`next.${names[key]}`] = tf.reshape(next[key], [...chunkShape(chunk)]);
      }
    }
  }
  if (layout.statistics.length > 0) {
    const statistics = new Map(
      layout.statistics.slots.map(({ name }) => [name, updated.get(name) ?? inputs[name]] as const),
    );
    outputs[NEXT_STATISTICS] = flatten(layout.statistics, statistics);
  }
  // Both runs of a layer that runs twice.
  for (const tensor of kept) tensor.dispose();
  return outputs;
}

/** Tensors by name in their logical shapes; frozen ones are looked up last. */
function weightsOf(layout: Layout, frozen: Lookup, inputs: Tensors): Lookup {
  const slots = new Map<string, Slot>();
  for (const { slots: own } of [...layout.groups.values(), layout.statistics]) {
    for (const slot of own) slots.set(slot.name, slot);
  }
  return {
    get(name) {
      const slot = slots.get(name);
      if (!slot) return frozen.get(name);
      const stored = inputs[name] as tf.Tensor;
      return slot.order.every((axis, i) => axis === i)
        ? stored
        : tf.transpose(
            stored,
            slot.order.map((_, axis) => slot.order.indexOf(axis)),
          );
    },
  };
}

/** Distillation loss per image, `loss` [B]. */
export function validation(program: TrainingProgram, layout: Layout, frozen: Lookup, inputs: Tensors): Tensors {
  return { loss: program.validate(scaled(inputs.images as tf.Tensor), weightsOf(layout, frozen, inputs)) };
}

function batchOf({ images, augmented, labels, negatives }: Tensors): BatchTensors {
  return {
    images: scaled(images as tf.Tensor),
    augmented: augmented && scaled(augmented),
    labels: labels as tf.Tensor1D,
    negatives: negatives as tf.Tensor1D | undefined,
  };
}

/** 8-bit pixels to 0..1. */
function scaled(pixels: tf.Tensor): tf.Tensor4D {
  return tf.div(pixels, 255);
}

/** Tensors one after the other; an absent gradient is zero. */
function flatten({ slots }: Chunk | Section, tensors: ReadonlyMap<string, tf.Tensor | undefined>): tf.Tensor1D {
  return tf.concat1d(slots.map(({ name, length }) => tensors.get(name)?.flatten() ?? tf.zeros([length])));
}

function stackLosses({ total, kd, local, global }: LossTensors, norm: tf.Scalar): tf.Tensor {
  const zero = tf.scalar(0);
  return tf.stack([total, kd, local ?? zero, global ?? zero, norm]);
}
