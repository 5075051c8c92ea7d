import type { GraphBuilder } from '../onnx/builder.js';
import { int, ints } from '../onnx/graph.js';
import { float32, int64 } from '../onnx/tensor.js';
import { toRgb } from './colour.js';
import { type Colorimetry, type FrameLayout, frameShape, subsampling } from './formats.js';

/** A part of a frame, in pixels. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** ONNX's element type code for Cast. */
const FLOAT = 1;

/**
 * The region's pixels as planes R, G and B: float32 [3,h,w], whole numbers in 0..255. A chroma sample holds for all pixels that share it.
 * @param frame uint8 [rows, stride] of {@link frameShape}
 */
export function rgbPlanes(
  g: GraphBuilder,
  frame: string,
  layout: FrameLayout,
  region: Region,
  colour: Colorimetry,
): string {
  const { format } = layout;
  if (format === 'RGB24' || format === 'BGR24' || format === 'BGRx') return interleaved(g, frame, layout, region);
  if (format === 'GREY') return repeated(g, float(g, cut(g, frame, layout, rows(region), columns(region))), region);
  if (format === 'Y10' || format === 'Y12' || format === 'Y16') return deep(g, frame, layout, region);
  // Chroma is cut out with whole samples; what that is too much is cut off at the end.
  const [across, down] = subsampling(format);
  const outer = {
    x: region.x - (region.x % across),
    y: region.y - (region.y % down),
    width: Math.ceil((region.x + region.width) / across) * across - (region.x - (region.x % across)),
    height: Math.ceil((region.y + region.height) / down) * down - (region.y - (region.y % down)),
  };
  const planes = (format === 'YUYV' || format === 'UYVY' ? packed : planar)(g, frame, layout, outer);
  const rgb = toRgb(g, planes, outer.height, outer.width, colour);
  const inner = { ...region, x: region.x - outer.x, y: region.y - outer.y };
  if (inner.width === outer.width && inner.height === outer.height) return rgb;
  const [top, bottom] = rows(inner);
  const [left, right] = columns(inner);
  return slice(g, rgb, [top, left], [bottom, right], [1, 2]);
}

type Span = readonly [from: number, to: number];
const rows = ({ y, height }: Region): Span => [y, y + height];
const columns = ({ x, width }: Region, bytes = 1): Span => [x * bytes, (x + width) * bytes];

function slice(
  g: GraphBuilder,
  value: string,
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[],
): string {
  const constant = (values: readonly number[], hint: string) => g.initializer(int64(values), hint);
  return g.node('Slice', [value, constant(starts, 'starts'), constant(ends, 'ends'), constant(axes, 'axes')]);
}

/** Rows and bytes of a frame [rows, stride]; nothing is emitted for all of them. */
function cut(g: GraphBuilder, frame: string, layout: FrameLayout, [top, bottom]: Span, [left, right]: Span): string {
  const [rows, stride] = frameShape(layout);
  if (top === 0 && left === 0 && bottom === rows && right === stride) return frame;
  return slice(g, frame, [top, left], [bottom, right], [0, 1]);
}

const float = (g: GraphBuilder, bytes: string) => g.node('Cast', [bytes], { to: int(FLOAT) });

const reshape = (g: GraphBuilder, value: string, dims: readonly number[]) =>
  g.node('Reshape', [value, g.initializer(int64(dims), 'shape')]);

/** Planes or samples `indices` along `axis`. */
const pick = (g: GraphBuilder, value: string, indices: readonly number[], axis: number) =>
  g.node('Gather', [value, g.initializer(int64(indices), 'order')], { axis: int(axis) });

function interleaved(g: GraphBuilder, frame: string, layout: FrameLayout, region: Region): string {
  const { format } = layout;
  const bytes = format === 'BGRx' ? 4 : 3;
  const { width, height } = region;
  const pixels = reshape(g, cut(g, frame, layout, rows(region), columns(region, bytes)), [height, width, bytes]);
  const planes = g.node('Transpose', [float(g, pixels)], { perm: ints([2, 0, 1]) });
  return format === 'RGB24' ? planes : pick(g, planes, [2, 1, 0], 0);
}

/** Grey [h,w] as red, green and blue. */
function repeated(g: GraphBuilder, grey: string, { width, height }: Region): string {
  return g.node('Expand', [grey, g.initializer(int64([3, height, width]), 'grey')]);
}

/** The eight highest bits of the ones that count, as 16-bit images lose theirs when the trainer reads them. */
function deep(g: GraphBuilder, frame: string, layout: FrameLayout, region: Region): string {
  const bits = Number(layout.format.slice(1));
  const { width, height } = region;
  const words = float(g, reshape(g, cut(g, frame, layout, rows(region), columns(region, 2)), [height, width, 2]));
  const weights = [2 ** (8 - bits), 2 ** (16 - bits)];
  const value = g.node('MatMul', [words, g.initializer(float32([2, 1], weights), 'weights')]);
  // Bits that should be zero and are not must not make a bright pixel dark.
  const whole = g.node('Min', [g.node('Floor', [value]), g.initializer(float32([], [255]), 'white')]);
  return repeated(g, reshape(g, whole, [height, width]), region);
}

/** YUYV or UYVY to planes Y, Cb, Cr [3,h,w]. */
function packed(g: GraphBuilder, frame: string, layout: FrameLayout, region: Region): string {
  const { format } = layout;
  const { width, height } = region;
  const pairs = float(g, reshape(g, cut(g, frame, layout, rows(region), columns(region, 2)), [height, width / 2, 4]));
  const [luma, cb, cr] = format === 'YUYV' ? [[0, 2], 1, 3] : [[1, 3], 0, 2];
  const plane = (samples: readonly number[]) => reshape(g, pick(g, pairs, samples, 2), [1, height, width]);
  return g.node('Concat', [plane(luma as number[]), plane([cb, cb] as number[]), plane([cr, cr] as number[])], {
    axis: int(0),
  });
}

/** NV12, NV21 or YU12 to planes Y, Cb, Cr [3,h,w]. */
function planar(g: GraphBuilder, frame: string, layout: FrameLayout, region: Region): string {
  const { format, height: whole } = layout;
  const { x, y, width, height } = region;
  const [, stride] = frameShape(layout);
  const [w, h] = [width / 2, height / 2];
  const luma = reshape(g, float(g, cut(g, frame, layout, rows(region), columns(region))), [1, height, width]);
  const chromaRows: Span = [y / 2, y / 2 + h];
  let chroma: string;
  if (format === 'YU12') {
    const both = reshape(g, cut(g, frame, layout, [whole, (whole * 3) / 2], [0, stride]), [2, whole / 2, stride / 2]);
    chroma = float(g, slice(g, both, [chromaRows[0], x / 2], [chromaRows[1], x / 2 + w], [1, 2]));
  } else {
    const [from, to] = chromaRows;
    const both = reshape(g, cut(g, frame, layout, [whole + from, whole + to], columns(region)), [h, w, 2]);
    const planes = g.node('Transpose', [float(g, both)], { perm: ints([2, 0, 1]) });
    chroma = format === 'NV12' ? planes : pick(g, planes, [1, 0], 0);
  }
  const spread = g.node('Expand', [
    reshape(g, chroma, [2, h, 1, w, 1]),
    g.initializer(int64([2, h, 2, w, 2]), 'spread'),
  ]);
  return g.node('Concat', [luma, reshape(g, spread, [2, height, width])], { axis: int(0) });
}
