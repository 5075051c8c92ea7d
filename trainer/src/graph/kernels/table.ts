import { convKernels } from './conv.js';
import { elementwiseKernels } from './elementwise.js';
import type { KernelTable } from './kernel.js';
import { matMulKernels } from './matmul.js';
import { poolKernels } from './pool.js';
import { reduceKernels } from './reduce.js';
import { resizeKernels } from './resize.js';
import { selectKernels } from './select.js';
import { shapeKernels } from './shape.js';

/** Every tfjs kernel that can be recorded, by its tfjs name. */
export const KERNELS: KernelTable = {
  ...elementwiseKernels,
  ...reduceKernels,
  ...shapeKernels,
  ...selectKernels,
  ...matMulKernels,
  ...convKernels,
  ...poolKernels,
  ...resizeKernels,
};
