import type { Recording } from '../recorder/recording.js';
import { constant, type Value } from '../recorder/value.js';
import { type KernelTable, kernel } from './kernel.js';
import { matMul } from './matmul.js';
import { transpose } from './shape.js';

interface ResizeAttributes {
  readonly size?: readonly [number, number];
  readonly alignCorners: boolean;
  readonly halfPixelCenters?: boolean;
}

/** Source position of output pixel `i`, as tfjs defines it. */
function position(i: number, from: number, to: number, { alignCorners, halfPixelCenters }: ResizeAttributes): number {
  const scale = alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
  return halfPixelCenters ? scale * (i + 0.5) - 0.5 : scale * i;
}

/** The [to, from] matrix of linear interpolation along one axis: at most two weights a row. */
function bilinearMatrix(from: number, to: number, attributes: ResizeAttributes): Value {
  const data = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const at = position(i, from, to, attributes);
    const low = Math.max(0, Math.floor(at));
    const high = Math.min(from - 1, Math.ceil(at));
    const fraction = at - low;
    data[i * from + low] = (data[i * from + low] as number) + 1 - fraction;
    data[i * from + high] = (data[i * from + high] as number) + fraction;
  }
  return { dtype: 'float32', shape: [to, from], extent: [to, from], forms: [], constant: data };
}

/** The [to, from] matrix of nearest-neighbour interpolation along one axis. */
function nearestMatrix(from: number, to: number, attributes: ResizeAttributes): Value {
  const data = new Float32Array(to * from);
  const offset = attributes.halfPixelCenters ? 0.5 : 0;
  const scale = attributes.alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
  for (let i = 0; i < to; i++) {
    const at = scale * (i + offset);
    const nearest = attributes.alignCorners ? Math.round(at) : Math.floor(at);
    data[i * from + Math.min(from - 1, Math.max(0, nearest))] = 1;
  }
  return constant('float32', [to, from], data);
}

/** Applies a matrix to the rows and one to the columns of an NHWC tensor; `backwards` applies their transposes. */
function resample(r: Recording, x: Value, rows: Value, columns: Value, backwards: boolean): Value {
  const planes = transpose(r.dense(x), [0, 3, 1, 2]);
  const wide = matMul(r, planes, columns, false, !backwards);
  const result = matMul(r, rows, wide, backwards, false);
  return transpose(result, [0, 2, 3, 1]);
}

type MatrixOf = (from: number, to: number, attributes: ResizeAttributes) => Value;

const forwards = (matrix: MatrixOf) =>
  kernel<'images', ResizeAttributes>((r, { images }, attributes) => {
    const [, height, width] = images.shape as [number, number, number, number];
    const [toHeight, toWidth] = attributes.size as readonly [number, number];
    return resample(r, images, matrix(height, toHeight, attributes), matrix(width, toWidth, attributes), false);
  });

const backwards = (matrix: MatrixOf) =>
  kernel<'images' | 'dy', ResizeAttributes>((r, { images, dy }, attributes) => {
    const [, height, width] = images.shape as [number, number, number, number];
    const [, toHeight, toWidth] = dy.shape as [number, number, number, number];
    return resample(r, dy, matrix(height, toHeight, attributes), matrix(width, toWidth, attributes), true);
  });

/** tfjs kernels that resample images: separable, so two matrix products forward and two backward. */
export const resizeKernels: KernelTable = {
  ResizeBilinear: forwards(bilinearMatrix),
  ResizeBilinearGrad: backwards(bilinearMatrix),
  ResizeNearestNeighbor: forwards(nearestMatrix),
  ResizeNearestNeighborGrad: backwards(nearestMatrix),
};
