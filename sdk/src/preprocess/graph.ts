import { BeltsightError } from '../errors.js';
import { GraphBuilder } from '../onnx/builder.js';
import { int, ints, type OnnxGraph } from '../onnx/graph.js';
import { float32, int64, type TensorValue } from '../onnx/tensor.js';
import { resizeMatrix, splitMatrix, transposed } from './resize.js';

/** Interleaved 8-bit pixel formats. */
export type PixelFormat = 'RGB24' | 'BGR24';

/** A part of a frame, in pixels. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What a frame looks like and what the model wants. */
export interface PreprocessSpec {
  readonly format: PixelFormat;
  readonly width: number;
  readonly height: number;
  /** The part that is looked at; default: all. */
  readonly roi?: Region | undefined;
  /** Side of the model's input in pixels. */
  readonly size: number;
}

/** ONNX's element type codes for Cast. */
const FLOAT = 1;
const UINT8 = 2;

/**
 * The graph from a frame to a model's input: input `frame` uint8 [H,W,3]; outputs `image` float32 [1,3,S,S], RGB in 0..1, and
 * `pixels` uint8 [S,S,3], the same before scaling. The resize is PIL's antialiased bilinear one as two matrix products,
 * horizontal first, rounded to 8 bits after each as PIL rounds: equal to its result, so training data prepared elsewhere agrees.
 * @throws BeltsightError ARGUMENT_INVALID if the region leaves the frame
 */
export function preprocessGraph(spec: PreprocessSpec): OnnxGraph {
  const { format, width, height, size } = spec;
  const roi = spec.roi ?? { x: 0, y: 0, width, height };
  checkRegion(roi, spec);
  const g = new GraphBuilder('preprocess');
  const frame = g.input('frame', 'uint8', [height, width, 3]);
  const cropped = crop(g, frame, roi, spec);
  // [H,W,3] -> [3,H,W]: channels become the batch of both matrix products.
  let planes = g.node('Transpose', [g.node('Cast', [cropped], { to: int(FLOAT) })], { perm: ints([2, 0, 1]) });
  if (format === 'BGR24') {
    planes = g.node('Gather', [planes, g.initializer(int64([2, 1, 0]), 'rgb')], { axis: int(0) });
  }
  if (roi.width !== size) planes = resample(g, planes, roi.width, size, 'horizontal');
  if (roi.height !== size) planes = resample(g, planes, roi.height, size, 'vertical');
  const scaled = g.node('Div', [planes, g.initializer(float32([], [255]), 'white')]);
  const image = g.node('Reshape', [scaled, g.initializer(int64([1, 3, size, size]), 'batch')]);
  const pixels = g.node('Cast', [g.node('Transpose', [planes], { perm: ints([1, 2, 0]) })], { to: int(UINT8) });
  g.output(image, 'float32', [1, 3, size, size], 'image');
  g.output(pixels, 'uint8', [size, size, 3], 'pixels');
  return g.build();
}

function crop(g: GraphBuilder, frame: string, { x, y, width, height }: Region, whole: PreprocessSpec): string {
  if (width === whole.width && height === whole.height) return frame;
  const starts = g.initializer(int64([y, x]), 'starts');
  const ends = g.initializer(int64([y + height, x + width]), 'ends');
  return g.node('Slice', [frame, starts, ends, g.initializer(int64([0, 1]), 'axes')]);
}

/**
 * One pass of the resize, rounded half up to whole numbers as 8-bit fixed point arithmetic rounds. Whole and fractional
 * part are kept apart, so that every step is exact.
 */
function resample(g: GraphBuilder, planes: string, from: number, to: number, axis: 'horizontal' | 'vertical'): string {
  const { coarse, fine } = splitMatrix(resizeMatrix(from, to));
  const product = (matrix: TensorValue, part: string) =>
    axis === 'horizontal'
      ? g.node('MatMul', [planes, g.initializer(transposed(matrix), `${axis}.${part}`)])
      : g.node('MatMul', [g.initializer(matrix, `${axis}.${part}`), planes]);
  const rounded = g.node('Add', [product(coarse, 'coarse'), g.initializer(float32([], [0.5]), 'half')]);
  const whole = g.node('Floor', [rounded]);
  const rest = g.node('Add', [g.node('Sub', [rounded, whole]), product(fine, 'fine')]);
  return g.node('Add', [whole, g.node('Floor', [rest])]);
}

function checkRegion({ x, y, width, height }: Region, frame: PreprocessSpec): void {
  const whole = [x, y, width, height].every(Number.isInteger) && width > 0 && height > 0 && x >= 0 && y >= 0;
  if (whole && x + width <= frame.width && y + height <= frame.height) return;
  throw new BeltsightError(
    'ARGUMENT_INVALID',
    `The region of interest ${width}x${height} at (${x}, ${y}) does not lie within the ${frame.width}x${frame.height} frame.`,
  );
}
