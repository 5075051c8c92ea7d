import type { ProviderRequest } from './append.js';

/** A kind of memory as ONNX Runtime names it: name, OrtMemType, and the ids under which it may be known, in order of preference. */
export interface MemoryKind {
  readonly name: string;
  readonly type: number;
  readonly ids: readonly number[];
}

const DEFAULT = 0;
const CPU_OUTPUT = -1;

/** Where a provider keeps its tensors, and what host memory it copies from fastest (onnxruntime, core/framework/allocator.h). */
export function memoryOf({ name, options }: ProviderRequest): {
  readonly device: MemoryKind;
  readonly pinned?: MemoryKind;
} {
  if (name === 'webgpu') return { device: { name: 'WebGPU_Buf', type: DEFAULT, ids: [0] } };
  const gpu = Number(options.device_id ?? 0);
  return {
    device: { name: 'Cuda', type: DEFAULT, ids: [gpu] },
    // Newer versions of ONNX Runtime know page-locked memory by the GPU that it is for, older ones by 0.
    pinned: { name: 'CudaPinned', type: CPU_OUTPUT, ids: gpu === 0 ? [0] : [gpu, 0] },
  };
}
