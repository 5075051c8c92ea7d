import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { unzipSync } from 'fflate';

/** The libraries of ONNX Runtime in a Python wheel. */
export interface WheelLibraries {
  /** Of ONNX Runtime, such as "1.23.0". */
  readonly version: string;
  /** Shared libraries by file name; the main one is there, without its version at the end. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const LIBRARY = /^onnxruntime\/capi\/(libonnxruntime[^/]*\.so[^/]*)$/;
/** The largest known library of ONNX Runtime has less than half of it. */
const MAX_BYTES = 2 ** 31;

/** Architecture in a wheel's platform tag. */
const TAGS: Readonly<Partial<Record<NodeJS.Architecture, RegExp>>> = { x64: /x86_64/, arm64: /aarch64/ };

/**
 * Takes ONNX Runtime's libraries out of a wheel.
 * @param arch architecture that the libraries must be for
 * @throws BeltsightError ARGUMENT_INVALID if it is no such wheel, for another architecture, or has no libonnxruntime of its own
 */
export async function readWheel(file: string, arch: NodeJS.Architecture = process.arch): Promise<WheelLibraries> {
  const name = basename(file);
  const [, version, platform] = /^onnxruntime[a-z_]*-(\d+\.\d+\.\d+)[^-]*(?:-[^-]+){2}-([^-]+)\.whl$/.exec(name) ?? [];
  if (version === undefined || platform === undefined) {
    throw refusal(name, 'is not named as a wheel of ONNX Runtime is (onnxruntime_gpu-VERSION-...-linux_aarch64.whl)');
  }
  if (!TAGS[arch]?.test(platform)) throw refusal(name, `is for ${platform}, and this device is ${arch}`);
  const files = new Map<string, Uint8Array>();
  for (const [path, bytes] of Object.entries(await unpack(file, name))) {
    const library = LIBRARY.exec(path)?.[1] as string;
    files.set(library.replace(/^(libonnxruntime\.so).*$/, '$1'), bytes);
  }
  if (files.has('libonnxruntime.so')) return { version, files };
  throw refusal(
    name,
    'carries no libonnxruntime.so, only the Python extension, which cannot be used: build the library as docs/jetson.md says and name it as runtime.library',
  );
}

async function unpack(file: string, name: string): Promise<Record<string, Uint8Array>> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw refusal(name, `cannot be read (${(cause as Error).message})`, cause);
  }
  try {
    return unzipSync(bytes, {
      filter: (entry) => {
        if (entry.originalSize > MAX_BYTES) throw new Error(`${entry.name} is too large`);
        return LIBRARY.test(entry.name);
      },
    });
  } catch (cause) {
    throw refusal(name, `is damaged or no wheel (${(cause as Error).message}): download it again`, cause);
  }
}

function refusal(name: string, why: string, cause?: unknown): BeltsightError {
  return new BeltsightError('ARGUMENT_INVALID', `${name} ${why}.`, { cause });
}
