import { BeltsightError } from '@beltsight/sdk';
import type { TrainingProgram } from './program.js';

/** A named tensor's place in a flat buffer. */
export interface Slot {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly length: number;
}

/** A flat buffer of named tensors, in declaration order. */
export interface Section {
  readonly slots: readonly Slot[];
  readonly length: number;
}

/** Where every changing tensor of a program lives: one section a parameter group, one for the statistics. */
export interface Layout {
  readonly groups: ReadonlyMap<string, Section>;
  readonly statistics: Section;
}

export function layoutOf(program: Pick<TrainingProgram, 'parameters' | 'statistics'>): Layout {
  const names = [...new Set(program.parameters.map(({ group }) => group))];
  const groups = names.map(
    (name) => [name, section(program.parameters.filter(({ group }) => group === name))] as const,
  );
  return { groups: new Map(groups), statistics: section(program.statistics) };
}

function section(tensors: readonly { readonly name: string; readonly shape: readonly number[] }[]): Section {
  let length = 0;
  const slots = tensors.map(({ name, shape }) => {
    const slot = { name, shape, offset: length, length: shape.reduce((product, dim) => product * dim, 1) };
    length += slot.length;
    return slot;
  });
  return { slots, length };
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

/** Every named tensor of the buffers, as views: parameters and statistics by name, moments with a prefix. */
export function views(layout: Layout, buffers: Buffers): Map<string, Float32Array> {
  const all = new Map<string, Float32Array>();
  const add = (prefix: string, { slots }: Section, data: Float32Array) => {
    for (const { name, offset, length } of slots) all.set(`${prefix}${name}`, data.subarray(offset, offset + length));
  };
  for (const [name, section] of layout.groups) {
    const group = buffers.groups.get(name) as GroupBuffers;
    add('', section, group.parameters);
    add('adam.m/', section, group.moment1);
    add('adam.v/', section, group.moment2);
  }
  add('', layout.statistics, buffers.statistics);
  return all;
}

/**
 * Writes `tensors` into the buffers. Moments may be absent (a fresh start): they become zero.
 * @throws BeltsightError CHECKPOINT_INVALID naming the tensor that is missing or has another size
 */
export function fill(layout: Layout, buffers: Buffers, tensors: ReadonlyMap<string, Float32Array>): void {
  for (const [name, view] of views(layout, buffers)) {
    const data = tensors.get(name);
    if (data === undefined && name.startsWith('adam.')) {
      view.fill(0);
    } else if (data?.length !== view.length) {
      const found = data === undefined ? 'is missing' : `has ${data.length} elements`;
      throw new BeltsightError(
        'CHECKPOINT_INVALID',
        `Tensor "${name}" of the training state ${found}, but the model needs ${view.length}: the state belongs to another model.`,
      );
    } else {
      view.set(data);
    }
  }
}
