import { BeltsightError } from '../errors.js';
import { GraphBuilder } from '../onnx/builder.js';
import { int, ints, type OnnxGraph } from '../onnx/graph.js';
import { float32, int64, type TensorValue } from '../onnx/tensor.js';
import { type Colorimetry, type FrameLayout, frameShape } from './formats.js';
import { type Orientation, turned, UPRIGHT } from './orientation.js';
import { type Region, rgbPlanes } from './planes.js';
import { resizeMatrix, splitMatrix, transposed } from './resize.js';

/** What a frame looks like, and which part of it counts, which way up. */
export interface FrameSpec extends FrameLayout {
  /** Of YUV formats; default: BT.601, limited, as USB cameras that do not say otherwise send. */
  readonly colour?: Colorimetry | undefined;
  /** The part that is looked at, in the frame's own pixels; default: all. */
  readonly roi?: Region | undefined;
  /** How that part is turned; default: not. */
  readonly orientation?: Orientation | undefined;
}

export interface PreprocessSpec extends FrameSpec {
  /** Side of the model's input in pixels. */
  readonly size: number;
}

const DEFAULT_COLOUR: Colorimetry = { matrix: 'bt601', range: 'limited' };
/** ONNX's element type code for Cast. */
const UINT8 = 2;

/**
 * The graph from a frame to a model's input: input `frame` uint8 [rows, stride] (see {@link frameShape}); outputs `image` float32
 * [1,3,S,S], RGB in 0..1, and `pixels` uint8 [S,S,3], the same before scaling. The resize is PIL's antialiased bilinear one as two matrix
 * products, horizontal first, rounded to 8 bits after each as PIL rounds: equal to its result, so training data prepared elsewhere agrees.
 * @throws BeltsightError ARGUMENT_INVALID if the region leaves the frame, or the format cannot have such a size
 */
export function preprocessGraph(spec: PreprocessSpec): OnnxGraph {
  const { size, orientation = UPRIGHT } = spec;
  const { g, planes: original, region } = begin(spec, 'preprocess');
  let planes = original;
  if (region.width !== size) planes = resample(g, planes, region.width, size, 'horizontal');
  if (region.height !== size) planes = resample(g, planes, region.height, size, 'vertical');
  planes = turned(g, planes, [size, size], orientation);
  const scaled = g.node('Div', [planes, g.initializer(float32([], [255]), 'white')]);
  const image = g.node('Reshape', [scaled, g.initializer(int64([1, 3, size, size]), 'batch')]);
  g.output(image, 'float32', [1, 3, size, size], 'image');
  g.output(interleave(g, planes), 'uint8', [size, size, 3], 'pixels');
  return g.build();
}

/**
 * The graph from a frame to a picture for people: input `frame` as for {@link preprocessGraph}, output `pixels` uint8 [h,w,3], RGB, the region
 * of interest at full resolution, turned.
 * @throws BeltsightError ARGUMENT_INVALID as {@link preprocessGraph}
 */
export function pictureGraph(spec: FrameSpec): OnnxGraph {
  const { orientation = UPRIGHT } = spec;
  const { g, planes, region } = begin(spec, 'picture');
  const { width, height } = pictureSize(spec);
  const pixels = interleave(g, turned(g, planes, [region.height, region.width], orientation));
  g.output(pixels, 'uint8', [height, width, 3], 'pixels');
  return g.build();
}

/** Size of the picture that {@link pictureGraph} makes of a frame. */
export function pictureSize({ width, height, roi, orientation = UPRIGHT }: FrameSpec) {
  const part = roi ?? { width, height };
  const quarter = orientation.rotate === 90 || orientation.rotate === 270;
  return quarter ? { width: part.height, height: part.width } : { width: part.width, height: part.height };
}

function begin(spec: FrameSpec, name: string) {
  const { width, height, colour = DEFAULT_COLOUR } = spec;
  const region = spec.roi ?? { x: 0, y: 0, width, height };
  const shape = frameShape(spec);
  checkRegion(region, spec);
  const g = new GraphBuilder(name);
  const frame = g.input('frame', 'uint8', shape);
  return { g, planes: rgbPlanes(g, frame, spec, region, colour), region };
}

/** Planes [3,h,w] of whole numbers as pixels [h,w,3]. */
function interleave(g: GraphBuilder, planes: string): string {
  return g.node('Cast', [g.node('Transpose', [planes], { perm: ints([1, 2, 0]) })], { to: int(UINT8) });
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

function checkRegion({ x, y, width, height }: Region, frame: FrameLayout): void {
  const whole = [x, y, width, height].every(Number.isInteger) && width > 0 && height > 0 && x >= 0 && y >= 0;
  if (whole && x + width <= frame.width && y + height <= frame.height) return;
  throw new BeltsightError(
    'ARGUMENT_INVALID',
    `The region of interest ${width}x${height} at (${x}, ${y}) does not lie within the ${frame.width}x${frame.height} frame.`,
  );
}
