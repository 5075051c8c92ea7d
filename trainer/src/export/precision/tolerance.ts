import type { Precision } from '@beltsight/sdk/bundle';

/**
 * How far a golden score may lie from the trainer's on another provider, relative to max(1, |score|).
 *
 * - `fp32`: TensorRT runs such a graph in half precision unless told otherwise, so the tolerance is that of `fp16`.
 * - `fp16`: half a dozen times the largest difference that half precision made to scores around 1 (0.004, docs/measurements.md): GPUs
 *   add in another order and round results of operators that the processor computes in single precision.
 * - `int8`: results close to the middle between two of a layer's 255 levels fall to either side depending on the order of a sum, and
 *   every layer behind sees that. Between ONNX Runtime's integer and floating-point kernels of the same graph the scores
 *   differ by much less than quantisation itself moves them, but a GPU computes the layers that were kept back in half
 *   precision on top.
 */
export const TOLERANCE: Readonly<Record<Precision, number>> = { fp32: 0.02, fp16: 0.02, int8: 0.05 };
