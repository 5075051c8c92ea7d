import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { requireStack } from '../../native.js';
import { OrtApi } from './api.js';
import { installedRuntimes } from './installed.js';

/** Where builds of ONNX Runtime are put by hand or by a package. */
const SYSTEM_FOLDERS = [
  '/usr/local/lib',
  '/opt/onnxruntime/lib',
  process.arch === 'arm64' ? '/usr/lib/aarch64-linux-gnu' : '/usr/lib/x86_64-linux-gnu',
  '/usr/lib',
];

/**
 * ONNX Runtime: the configured library and no other; or the first that can be used of those on the system, those that
 * `beltsight-device provider add` put there, and the one of onnxruntime-node.
 * @param log hears of libraries that are there and cannot be used
 * @throws BeltsightError RUNTIME_UNAVAILABLE
 */
export function loadRuntime(configured?: string, log: (line: string) => void = () => undefined): OrtApi {
  requireStack();
  if (configured !== undefined) {
    if (isThere(configured)) return OrtApi.load(configured);
    throw new BeltsightError(
      'RUNTIME_UNAVAILABLE',
      `There is no ONNX Runtime library at ${configured}: correct runtime.library in the configuration, or leave it out.`,
    );
  }
  for (const file of libraries()) {
    try {
      return OrtApi.load(file);
    } catch (error) {
      log((error as Error).message);
    }
  }
  throw new BeltsightError(
    'RUNTIME_UNAVAILABLE',
    `There is no ONNX Runtime library for ${process.platform} ${process.arch}: name one as runtime.library in the configuration.`,
  );
}

/** Libraries that are there, in the order in which they are tried. */
export function libraries(): string[] {
  const system = SYSTEM_FOLDERS.map((folder) => join(folder, 'libonnxruntime.so'));
  return [...system, ...installedRuntimes(), bundledLibrary()].filter(isThere);
}

/** Also what cannot be looked at, such as a library in another user's folder: whoever opens it says why. */
function isThere(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

function bundledLibrary(): string {
  const folder = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  return join(folder, 'bin', 'napi-v6', process.platform, process.arch, 'libonnxruntime.so.1');
}
