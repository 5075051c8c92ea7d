import { BeltsightError } from '@beltsight/sdk';
import type { TrainingProgram } from './program.js';

/** How filters (rank 4, logical [H,W,I,O]) lie in memory: as tfjs has them, or OIHW as ONNX's Conv reads them. */
export type Storage = 'plain' | 'channels-first';

/** A named tensor's place in a flat buffer. */
export interface Slot {
  readonly name: string;
  /** Logical shape. */
  readonly shape: readonly number[];
  /** Logical axis at each stored position. */
  readonly order: readonly number[];
  /** Shape as stored. */
  readonly stored: readonly number[];
  readonly offset: number;
  readonly length: number;
}

/** Neighbouring slots that the optimiser updates at once: one large tensor, or all the small ones. */
export interface Chunk {
  readonly name: string;
  readonly slots: readonly Slot[];
  readonly offset: number;
  readonly length: number;
}

/** A flat buffer of named tensors; small tensors come last. */
export interface Section {
  readonly slots: readonly Slot[];
  readonly chunks: readonly Chunk[];
  readonly length: number;
}

/** Where every changing tensor of a program lives: one section a parameter group, one for the statistics. */
export interface Layout {
  readonly groups: ReadonlyMap<string, Section>;
  readonly statistics: Section;
}

/** Tensors of fewer elements are updated together: an operator on a hundred elements costs what one on thousands does. */
const SMALL = 16_384;

const OIHW = [3, 2, 0, 1];

export function layoutOf(program: Pick<TrainingProgram, 'parameters' | 'statistics'>, storage: Storage): Layout {
  const names = [...new Set(program.parameters.map(({ group }) => group))];
  const groups = names.map((name) => {
    const own = program.parameters.filter(({ group }) => group === name);
    return [name, section(`rest/${name}`, own, storage)] as const;
  });
  return { groups: new Map(groups), statistics: section('statistics', program.statistics, 'plain') };
}

type Shaped = { readonly name: string; readonly shape: readonly number[] };

function section(rest: string, tensors: readonly Shaped[], storage: Storage): Section {
  const isLarge = ({ shape }: Shaped) => elements(shape) >= SMALL;
  let end = 0;
  const place = ({ name, shape }: Shaped): Slot => {
    const order = storage === 'channels-first' && shape.length === 4 ? OIHW : shape.map((_, axis) => axis);
    const slot = {
      name,
      shape,
      order,
      stored: order.map((axis) => shape[axis] as number),
      offset: end,
      length: elements(shape),
    };
    end += slot.length;
    return slot;
  };
  const large = tensors.filter(isLarge).map(place);
  const small = tensors.filter((tensor) => !isLarge(tensor)).map(place);
  const chunks = large.map((slot) => ({ ...slot, slots: [slot] }) as Chunk);
  const offset = small[0]?.offset;
  if (offset !== undefined) chunks.push({ name: rest, slots: small, offset, length: end - offset });
  return { slots: [...large, ...small], chunks, length: end };
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Buffers of all that a step changes. `moment1` and `moment2` have the layout of their group's parameters. */
export interface Buffers {
  readonly groups: ReadonlyMap<string, GroupBuffers>;
  readonly statistics: Float32Array;
}

export interface GroupBuffers {
  readonly parameters: Float32Array;
  readonly moment1: Float32Array;
  readonly moment2: Float32Array;
}

export function allocate({ groups, statistics }: Layout): Buffers {
  return {
    groups: new Map(
      [...groups].map(([name, { length }]) => [
        name,
        {
          parameters: new Float32Array(length),
          moment1: new Float32Array(length),
          moment2: new Float32Array(length),
        },
      ]),
    ),
    statistics: new Float32Array(statistics.length),
  };
}

/** The part of a flat buffer that a slot or chunk covers. */
export function viewOf(data: Float32Array, { offset, length }: { offset: number; length: number }): Float32Array {
  return data.subarray(offset, offset + length);
}

/** Every named tensor with the array that holds it: parameters and statistics by name, moments with a prefix. */
function* named(layout: Layout, buffers: Buffers): Generator<readonly [string, Slot, Float32Array]> {
  for (const [name, { slots }] of layout.groups) {
    const group = buffers.groups.get(name) as GroupBuffers;
    for (const slot of slots) {
      yield [slot.name, slot, group.parameters];
      yield [`adam.m/${slot.name}`, slot, group.moment1];
      yield [`adam.v/${slot.name}`, slot, group.moment2];
    }
  }
  for (const slot of layout.statistics.slots) yield [slot.name, slot, buffers.statistics];
}

/** A copy of every tensor, in the row-major order of its logical shape. */
export function unload(layout: Layout, buffers: Buffers): Map<string, Float32Array> {
  const tensors = new Map<string, Float32Array>();
  for (const [name, slot, buffer] of named(layout, buffers)) {
    const data = new Float32Array(slot.length);
    copyPermuted(viewOf(buffer, slot), data, slot, 'unload');
    tensors.set(name, data);
  }
  return tensors;
}

/**
 * Writes `tensors` into the buffers. Moments may be absent (a fresh start): they become zero.
 * @throws BeltsightError CHECKPOINT_INVALID naming the tensor that is missing or has another size
 */
export function load(layout: Layout, buffers: Buffers, tensors: ReadonlyMap<string, Float32Array>): void {
  for (const [name, slot, buffer] of named(layout, buffers)) {
    const data = tensors.get(name);
    if (data === undefined && name.startsWith('adam.')) {
      viewOf(buffer, slot).fill(0);
    } else if (data?.length !== slot.length) {
      const found = data === undefined ? 'is missing' : `has ${data.length} elements`;
      throw new BeltsightError(
        'CHECKPOINT_INVALID',
        `Tensor "${name}" of the training state ${found}, but the model needs ${slot.length}: the state belongs to another model.`,
      );
    } else {
      copyPermuted(data, viewOf(buffer, slot), slot, 'load');
    }
  }
}

/** Copies between logical and stored order. */
function copyPermuted(from: Float32Array, to: Float32Array, slot: Slot, direction: 'load' | 'unload'): void {
  if (slot.order.every((axis, position) => axis === position)) {
    to.set(from);
    return;
  }
  const [height = 1, width = 1, inputs = 1, outputs = 1] = slot.shape;
  const taps = height * width;
  for (let tap = 0; tap < taps; tap++) {
    for (let i = 0; i < inputs; i++) {
      for (let o = 0; o < outputs; o++) {
        const logical = (tap * inputs + i) * outputs + o;
        const stored = (o * inputs + i) * taps + tap;
        if (direction === 'load') to[stored] = from[logical] as number;
        else to[logical] = from[stored] as number;
      }
    }
  }
}
