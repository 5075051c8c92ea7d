import type { AcceleratorName } from './schema.js';

/** A kind of memory as ONNX Runtime names it: name and OrtMemType. */
interface MemoryKind {
  readonly name: string;
  readonly type: number;
}

const DEFAULT = 0;
const CPU_OUTPUT = -1;

const NVIDIA = { device: { name: 'Cuda', type: DEFAULT }, pinned: { name: 'CudaPinned', type: CPU_OUTPUT } };

/** Where a provider keeps its tensors, and what host memory it copies from fastest (onnxruntime, core/framework/allocator.h). */
export function memoryOf(provider: AcceleratorName): { readonly device: MemoryKind; readonly pinned?: MemoryKind } {
  return MEMORY[provider];
}

const MEMORY = {
  tensorrt: NVIDIA,
  cuda: NVIDIA,
  webgpu: { device: { name: 'WebGPU_Buf', type: DEFAULT } },
} as const;
