import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';

/**
 * Where `libonnxruntime` lies: the configured file, or the one that onnxruntime-node carries for this platform.
 * @throws BeltsightError RUNTIME_UNAVAILABLE if there is none
 */
export function findLibrary(configured?: string): string {
  const file = configured ?? bundledLibrary();
  if (existsSync(file)) return file;
  const remedy = configured
    ? 'correct runtime.library in the configuration, or leave it out'
    : `onnxruntime-node has none for ${process.platform} ${process.arch}; name one as runtime.library in the configuration`;
  throw new BeltsightError('RUNTIME_UNAVAILABLE', `There is no ONNX Runtime library at ${file}: ${remedy}.`);
}

function bundledLibrary(): string {
  const folder = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  return join(folder, 'bin', 'napi-v6', process.platform, process.arch, 'libonnxruntime.so.1');
}
