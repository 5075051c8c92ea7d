import type { GraphBuilder } from '../onnx/builder.js';
import { int, ints } from '../onnx/graph.js';
import { int64 } from '../onnx/tensor.js';

/** How a picture is turned before anything looks at it: first rotated, then mirrored. */
export interface Orientation {
  /** Degrees clockwise. */
  readonly rotate: 0 | 90 | 180 | 270;
  /** Left and right exchanged. */
  readonly mirror: boolean;
}

export const UPRIGHT: Orientation = { rotate: 0, mirror: false };

/** Planes [C,h,w] turned: [C,h,w], or [C,w,h] after a quarter turn. `height` and `width` are those before. */
export function turned(
  g: GraphBuilder,
  planes: string,
  [height, width]: readonly [number, number],
  { rotate, mirror }: Orientation,
): string {
  const quarter = rotate === 90 || rotate === 270;
  const value = quarter ? g.node('Transpose', [planes], { perm: ints([0, 2, 1]) }) : planes;
  const [rows, columns] = quarter ? [width, height] : [height, width];
  // A quarter turn is a transposition and one reversal; mirroring reverses the columns once more.
  const backwards = { rows: rotate === 180 || rotate === 270, columns: (rotate === 90 || rotate === 180) !== mirror };
  const reversed = backwards.rows ? reverse(g, value, rows, 1) : value;
  return backwards.columns ? reverse(g, reversed, columns, 2) : reversed;
}

function reverse(g: GraphBuilder, value: string, length: number, axis: number): string {
  const order = Array.from({ length }, (_, i) => length - 1 - i);
  return g.node('Gather', [value, g.initializer(int64(order), 'reversed')], { axis: int(axis) });
}
