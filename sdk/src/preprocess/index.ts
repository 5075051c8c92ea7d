export { type Colorimetry, type FrameLayout, frameShape, PIXEL_FORMATS, type PixelFormat } from './formats.js';
export { type FrameSpec, type PreprocessSpec, pictureGraph, pictureSize, preprocessGraph } from './graph.js';
export type { Orientation } from './orientation.js';
export type { Region } from './planes.js';
