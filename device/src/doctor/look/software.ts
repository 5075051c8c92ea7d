import type { OrtApi } from '../../score/ort/api.js';
import { type Found, fault, ok, warning } from '../finding.js';
import type { Board } from './board.js';

/** Loads ONNX Runtime; `log` hears of libraries that are there and cannot be used. */
export type LoadRuntime = (log: (line: string) => void) => Pick<OrtApi, 'library' | 'version' | 'availableProviders'>;

/** The ONNX Runtime that is used here, and the execution providers that it was built with. */
export function onnxRuntime(board: Board, load: LoadRuntime): Found {
  const skipped: string[] = [];
  try {
    const api = load((line) => skipped.push(line));
    const providers = api.availableProviders().map((name) => name.replace(/ExecutionProvider$/, ''));
    const found = `${api.version} (${providers.join(', ')}), ${api.library}`;
    if (skipped.length > 0) {
      return warning(`${found}; ${skipped.join('; ')}`, 'remove that library, or replace it with one for this device');
    }
    if (board.jetson && !providers.some((name) => /^(Tensorrt|CUDA)$/.test(name))) {
      return warning(
        `${found}: built without the GPU`,
        'beltsight-device provider add WHEEL, with the onnxruntime-gpu wheel for this JetPack',
      );
    }
    return ok(found);
  } catch (error) {
    return fault((error as Error).message, 'npm ci, or correct runtime.library in the configuration');
  }
}

/** Node, by the range that package.json names in `engines`. */
export function nodeVersion(version: string): Found {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  const supported = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
  if (supported) return ok(version);
  return fault(
    `${version}; 20.19 or later, or 22.12 or later is needed`,
    'install Node 22 from https://nodejs.org/en/download',
  );
}
