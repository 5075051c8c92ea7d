import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';

/** What ONNX Runtime lets compute: the processor, or an NVIDIA GPU. */
export const PROVIDERS = ['cpu', 'cuda'] as const;
export type Provider = (typeof PROVIDERS)[number];

/** Where a graph was to run on a GPU. */
export interface Machine {
  readonly platform: string;
  readonly arch: string;
  /** Whether onnxruntime-node has the library of its CUDA provider. */
  readonly hasLibrary: boolean;
}

/** Whether ONNX Runtime failed of CUDA, and not of the graph. */
export function isCudaFailure(cause: unknown): boolean {
  return /cuda|cudnn|cublas|ExecutionProvider_Cuda/i.test((cause as Error).message);
}

/** Says what CUDA lacks on this machine and how to get it. */
export function cudaUnavailable(cause: unknown, machine: Machine = thisMachine()): BeltsightError {
  const reason = (cause as Error).message.trim().replace(/\.$/, '');
  return new BeltsightError(
    'PROVIDER_UNAVAILABLE',
    `The graph cannot run on a GPU: ${reason}. ${remedy(machine)} Or leave out --provider: the processor needs nothing more.`,
    { cause },
  );
}

function remedy({ platform, arch, hasLibrary }: Machine): string {
  if (platform !== 'linux' || arch !== 'x64') {
    return `onnxruntime-node has a CUDA provider for Linux on x86-64 alone, and this is ${platform} on ${arch}.`;
  }
  if (!hasLibrary) {
    return 'Its CUDA provider is not installed: run "ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js", which fetches it from NuGet.';
  }
  return 'Its CUDA provider is installed and needs an NVIDIA driver, CUDA 12 and cuDNN 9, where the loader finds them (LD_LIBRARY_PATH).';
}

export function thisMachine(): Machine {
  const { platform, arch } = process;
  const binaries = join(dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json')), 'bin');
  const hasLibrary = readdirSync(binaries).some((version) =>
    existsSync(join(binaries, version, platform, arch, 'libonnxruntime_providers_cuda.so')),
  );
  return { platform, arch, hasLibrary };
}
