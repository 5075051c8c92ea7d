import type { Precision } from '@beltsight/sdk/bundle';

/**
 * How far a golden score may lie from the trainer's on another provider, relative to max(1, |score|).
 *
 * - `fp32`: TensorRT runs such a graph in half precision unless told otherwise, so the tolerance is that of `fp16`.
 * - `fp16`: half precision moved scores by 1.9 % at most and 0.12 % in the mean against single precision (docs/measurements.md);
 *   here two computations in half precision are compared, of which one adds in another order.
 * - `int8`: results close to the middle between two of a layer's 255 levels fall to either side depending on the order of a sum, and
 *   every layer behind sees that. ONNX Runtime's integer and floating-point kernels of the same graph differ by up to 0.014
 *   (docs/measurements.md), and a GPU computes what is not quantised in half precision on top.
 */
export const TOLERANCE: Readonly<Record<Precision, number>> = { fp32: 0.02, fp16: 0.02, int8: 0.05 };
