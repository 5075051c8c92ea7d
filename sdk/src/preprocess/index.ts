export { type PixelFormat, type PreprocessSpec, preprocessGraph, type Region } from './graph.js';
