import { loadLibrary, type NativeLibrary } from '../../native.js';
import { pinned } from '../ort/api.js';

/** What a TensorRT engine depends on besides the model; undefined where it cannot be found out. */
export interface GpuVersions {
  /** Such as "100300" for 10.3.0: getInferLibVersion of libnvinfer. */
  readonly tensorrt?: string;
  /** Such as "12060" for 12.6: cudaRuntimeGetVersion. */
  readonly cuda?: string;
  /** CUDA version that the driver supports: cuDriverGetVersion. */
  readonly driver?: string;
  readonly gpu?: string;
  /** Such as "8.7". */
  readonly computeCapability?: string;
}

/** Opens a library by name; throws where there is none. */
export type LoadLibrary = (name: string) => NativeLibrary;

/** Asks NVIDIA's libraries for their versions and a GPU's name. Never throws. */
export function gpuVersions(device = 0, load: LoadLibrary = loadLibrary): GpuVersions {
  const driver = first(load, ['libcuda.so.1', 'libcuda.so']);
  return {
    ...whereKnown('tensorrt', () =>
      first(load, ['libnvinfer.so.10', 'libnvinfer.so.8', 'libnvinfer.so'])?.func('int getInferLibVersion()')(),
    ),
    ...whereKnown('cuda', () =>
      integer(
        first(load, ['libcudart.so.13', 'libcudart.so.12', 'libcudart.so.11.0', 'libcudart.so']),
        'cudaRuntimeGetVersion',
      ),
    ),
    ...whereKnown('driver', () => integer(driver, 'cuDriverGetVersion')),
    ...(driver ? deviceOf(driver, device) : {}),
  };
}

/** CUdevice_attribute of cuda.h. */
const [CAPABILITY_MAJOR, CAPABILITY_MINOR] = [75, 76];

function deviceOf(driver: NativeLibrary, device: number): Pick<GpuVersions, 'gpu' | 'computeCapability'> {
  try {
    if (driver.func('int cuInit(uint32_t flags)')(0) !== 0) return {};
    const name = pinned(Uint8Array, 128);
    driver.func('int cuDeviceGetName(void *name, int length, int device)')(name, name.length, device);
    const attribute = driver.func('int cuDeviceGetAttribute(void *out, int attribute, int device)');
    const [major, minor] = [CAPABILITY_MAJOR, CAPABILITY_MINOR].map((which) => {
      const out = pinned(Int32Array, 1);
      attribute(out, which, device);
      return out[0];
    });
    return {
      gpu: Buffer.from(name.subarray(0, name.indexOf(0))).toString(),
      computeCapability: `${major}.${minor}`,
    };
  } catch {
    return {};
  }
}

function integer(library: NativeLibrary | undefined, name: string): number | undefined {
  const out = pinned(Int32Array, 1);
  return library?.func(`int ${name}(void *out)`)(out) === 0 ? out[0] : undefined;
}

function first(load: LoadLibrary, names: readonly string[]): NativeLibrary | undefined {
  for (const name of names) {
    try {
      return load(name);
    } catch {
      // The next name.
    }
  }
  return undefined;
}

function whereKnown<K extends string>(key: K, ask: () => number | undefined): Partial<Record<K, string>> {
  try {
    const value = ask();
    return value === undefined ? {} : ({ [key]: String(value) } as Record<K, string>);
  } catch {
    return {};
  }
}
