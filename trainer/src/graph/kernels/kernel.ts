import type { Recording } from '../recorder/recording.js';
import type { Value } from '../recorder/value.js';

/** Records one tfjs kernel: emits its nodes and returns its outputs. */
export type Kernel = (
  recording: Recording,
  inputs: Readonly<Record<string, Value>>,
  attributes: unknown,
) => Value | readonly Value[];

/** Kernels by tfjs kernel name. */
export type KernelTable = Readonly<Record<string, Kernel>>;

/** Gives a kernel function typed inputs and attributes, as tfjs documents them in kernel_names.ts. */
export function kernel<Input extends string, Attributes = undefined>(
  record: (
    recording: Recording,
    inputs: Readonly<Record<Input, Value>>,
    attributes: Attributes,
  ) => Value | readonly Value[],
): Kernel {
  return record as Kernel;
}

/** A tfjs axis (number, list or undefined for all), as a sorted list of non-negative axes. */
export function axesOf(axis: number | readonly number[] | undefined | null, rank: number): number[] {
  const axes = axis === undefined || axis === null ? Array.from({ length: rank }, (_, i) => i) : [axis].flat();
  return axes.map((a) => (a < 0 ? a + rank : a)).sort((a, b) => a - b);
}
