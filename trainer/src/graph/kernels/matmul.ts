import { int } from '@beltsight/sdk/onnx';
import { identity, physical, sameStorage } from '../recorder/layout.js';
import type { Recording } from '../recorder/recording.js';
import { size, symbolic, type Value } from '../recorder/value.js';
import { broadcastShape } from './broadcasting.js';
import { type KernelTable, kernel } from './kernel.js';

interface MatMulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** Whether the last two axes of `x` lie swapped in storage, in which case reading them swapped is free. */
function liesSwapped(x: Value): boolean {
  const swapped = swap(identity(x.shape.length));
  return x.forms.every((form) => sameStorage(form.order, swapped, x.extent));
}

function swap(order: readonly number[]): number[] {
  return [...order.slice(0, -2), order.at(-1) as number, order.at(-2) as number];
}

/** A matrix operand: its ONNX name and whether the operator has to transpose it. */
function operand(recording: Recording, x: Value, transposed: boolean): { name: string; transposed: boolean } {
  const plain = identity(x.shape.length);
  if (x.constant) return { name: recording.form(x, transposed ? swap(plain) : plain), transposed: false };
  return liesSwapped(x)
    ? { name: recording.form(x, swap(plain)), transposed: !transposed }
    : { name: recording.form(x, plain), transposed };
}

/** [.., M, K] x [.., K, N] -> [.., M, N]; either operand may be given with its last two axes swapped. */
export function matMul(recording: Recording, a: Value, b: Value, transposeA: boolean, transposeB: boolean): Value {
  const left = recording.dense(a);
  const right = recording.dense(b);
  const rows = left.shape.at(transposeA ? -1 : -2) as number;
  const columns = right.shape.at(transposeB ? -2 : -1) as number;
  const batch = broadcastShape([left.shape.slice(0, -2), right.shape.slice(0, -2)]);
  const shape = [...batch, rows, columns];
  if (size(batch) === 1) {
    const name = gemm(recording, flat(recording, left), flat(recording, right), transposeA, transposeB);
    return symbolic('float32', shape, recording.reshape(name, [rows, columns], shape));
  }
  return symbolic('float32', shape, batched(recording, left, right, transposeA, transposeB));
}

/** A single matrix out of a tensor whose batch axes are units. */
function flat(recording: Recording, x: Value): Value {
  const shape = x.shape.slice(-2);
  if (x.shape.length === 2) return x;
  const { name, transposed } = operand(recording, x, false);
  // A swapped operand keeps its storage: the batch axes are units, wherever they lie.
  const order = transposed ? [1, 0] : [0, 1];
  const from = physical(x.extent, transposed ? swap(identity(x.shape.length)) : identity(x.shape.length));
  return symbolic(x.dtype, shape, recording.reshape(name, from, physical(shape, order)), order);
}

function gemm(recording: Recording, a: Value, b: Value, transposeA: boolean, transposeB: boolean): string {
  const left = operand(recording, a, transposeA);
  const right = operand(recording, b, transposeB);
  return recording.emit('Gemm', [left.name, right.name], {
    transA: int(left.transposed ? 1 : 0),
    transB: int(right.transposed ? 1 : 0),
  });
}

function batched(recording: Recording, a: Value, b: Value, transposeA: boolean, transposeB: boolean): string {
  if (recording.training) {
    const left = operand(recording, a, transposeA);
    const right = operand(recording, b, transposeB);
    if (!left.transposed && !right.transposed) return recording.emit('MatMul', [left.name, right.name]);
    return recording.emit(
      'FusedMatMul',
      [left.name, right.name],
      { transA: int(left.transposed ? 1 : 0), transB: int(right.transposed ? 1 : 0) },
      'com.microsoft',
    );
  }
  const read = (x: Value, transposed: boolean) => {
    const plain = identity(x.shape.length);
    return recording.form(x, transposed ? swap(plain) : plain);
  };
  return recording.emit('MatMul', [read(a, transposeA), read(b, transposeB)]);
}

/** tfjs kernels that multiply matrices. */
export const matMulKernels: KernelTable = {
  BatchMatMul: kernel<'a' | 'b', MatMulAttributes>((r, { a, b }, { transposeA, transposeB }) =>
    matMul(r, a, b, transposeA, transposeB),
  ),
};
