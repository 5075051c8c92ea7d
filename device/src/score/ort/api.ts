import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import koffi from 'koffi';
import { loadLibrary } from '../../native.js';
import { requireLibrary } from './elf.js';

/** The oldest C API the device asks for; the table is append-only, so its places hold for every later library. */
const API_VERSION = 17;

/** Address of an object inside ONNX Runtime. */
export type Pointer = bigint;
/** Memory that the library reads from or writes to. Its buffer must not lie on V8's heap: see {@link pinned}. */
type Memory = ArrayBufferView;

/**
 * The functions that the device uses: place in `OrtApi` (onnxruntime_c_api.h) and parameters. Pointers that are written to and
 * arrays of pointers come as memory; every function but the releases answers with a status, null for success.
 */
const FUNCTIONS = {
  getErrorMessage: [2, 'const char *GetErrorMessage(void *status)'],
  createEnv: [3, 'void *CreateEnv(int logLevel, const char *id, void *out)'],
  disableTelemetryEvents: [6, 'void *DisableTelemetryEvents(void *env)'],
  createSession: [7, 'void *CreateSession(void *env, const char *path, void *options, void *out)'],
  createSessionFromArray: [
    8,
    'void *CreateSessionFromArray(void *env, const void *model, size_t length, void *options, void *out)',
  ],
  createSessionOptions: [10, 'void *CreateSessionOptions(void *out)'],
  setIntraOpNumThreads: [24, 'void *SetIntraOpNumThreads(void *options, int threads)'],
  createTensorAsOrtValue: [
    48,
    'void *CreateTensorAsOrtValue(void *allocator, void *shape, size_t rank, int type, void *out)',
  ],
  createTensorWithDataAsOrtValue: [
    49,
    'void *CreateTensorWithDataAsOrtValue(void *memory, void *data, size_t bytes, void *shape, size_t rank, int type, void *out)',
  ],
  getTensorMutableData: [51, 'void *GetTensorMutableData(void *value, void *out)'],
  createMemoryInfo: [68, 'void *CreateMemoryInfo(const char *name, int allocator, int id, int type, void *out)'],
  createCpuMemoryInfo: [69, 'void *CreateCpuMemoryInfo(int allocator, int type, void *out)'],
  releaseEnv: [92, 'void ReleaseEnv(void *env)'],
  releaseStatus: [93, 'void ReleaseStatus(void *status)'],
  releaseMemoryInfo: [94, 'void ReleaseMemoryInfo(void *memory)'],
  releaseSession: [95, 'void ReleaseSession(void *session)'],
  releaseValue: [96, 'void ReleaseValue(void *value)'],
  releaseSessionOptions: [100, 'void ReleaseSessionOptions(void *options)'],
  getAvailableProviders: [125, 'void *GetAvailableProviders(void *out, void *count)'],
  releaseAvailableProviders: [126, 'void *ReleaseAvailableProviders(void *names, int count)'],
  addSessionConfigEntry: [130, 'void *AddSessionConfigEntry(void *options, const char *key, const char *value)'],
  createAllocator: [131, 'void *CreateAllocator(void *session, void *memory, void *out)'],
  releaseAllocator: [132, 'void ReleaseAllocator(void *allocator)'],
  runWithBinding: [133, 'void *RunWithBinding(void *session, void *options, void *binding)'],
  createIoBinding: [134, 'void *CreateIoBinding(void *session, void *out)'],
  releaseIoBinding: [135, 'void ReleaseIoBinding(void *binding)'],
  bindInput: [136, 'void *BindInput(void *binding, const char *name, void *value)'],
  bindOutput: [137, 'void *BindOutput(void *binding, const char *name, void *value)'],
  appendTensorRt: [170, 'void *AppendTensorRT_V2(void *options, void *provider)'],
  createTensorRtOptions: [171, 'void *CreateTensorRTProviderOptions(void *out)'],
  updateTensorRtOptions: [
    172,
    'void *UpdateTensorRTProviderOptions(void *provider, void *keys, void *values, size_t n)',
  ],
  releaseTensorRtOptions: [174, 'void ReleaseTensorRTProviderOptions(void *provider)'],
  appendCuda: [204, 'void *AppendCUDA_V2(void *options, void *provider)'],
  createCudaOptions: [205, 'void *CreateCUDAProviderOptions(void *out)'],
  updateCudaOptions: [206, 'void *UpdateCUDAProviderOptions(void *provider, void *keys, void *values, size_t n)'],
  releaseCudaOptions: [208, 'void ReleaseCUDAProviderOptions(void *provider)'],
  appendProvider: [
    216,
    'void *SessionOptionsAppendExecutionProvider(void *options, const char *name, void *keys, void *values, size_t n)',
  ],
} as const;

type Name = keyof typeof FUNCTIONS;
type Argument = Pointer | Memory | string | number | null;
type Native = ((...args: Argument[]) => Pointer | string | null) & {
  async(...args: [...Argument[], (error: Error | null, result: Pointer | null) => void]): void;
};

/** ONNX Runtime's C API: a library and the functions of its table. */
export class OrtApi {
  private constructor(
    readonly library: string,
    /** Version of the library, such as "1.30.0". */
    readonly version: string,
    private readonly functions: Readonly<Record<Name, Native>>,
  ) {}

  /**
   * Loads a library.
   * @throws BeltsightError RUNTIME_UNAVAILABLE if it is no ONNX Runtime, for another processor, damaged, or older than 1.17
   */
  static load(library: string): OrtApi {
    // The library carries a telemetry uploader and reads this variable when it loads.
    process.env.ORT_DISABLE_TELEMETRY = '1';
    try {
      requireLibrary(library);
      const base = loadLibrary(library).func('OrtGetApiBase', 'void *', [])();
      const [getApi, getVersion] = addresses(base, 2);
      const version: string = koffi.call(getVersion, GET_VERSION);
      const table: Pointer | null = koffi.call(getApi, GET_API, API_VERSION);
      if (table === null) throw new Error(`it is version ${version}, and 1.${API_VERSION} or newer is needed`);
      const last = Math.max(...Object.values(FUNCTIONS).map(([place]) => place));
      const places = addresses(table, last + 1);
      const functions = Object.entries(FUNCTIONS).map(([name, [place]]) => [
        name,
        places[place] ? koffi.decode(places[place], PROTOTYPES[name as Name]) : absent(library, name),
      ]);
      return new OrtApi(library, version, Object.fromEntries(functions));
    } catch (cause) {
      throw new BeltsightError(
        'RUNTIME_UNAVAILABLE',
        `${library} cannot be used as ONNX Runtime (${(cause as Error).message}): check runtime.library in the configuration.`,
        { cause },
      );
    }
  }

  /** Calls a function that answers with a status; throws the status's message. */
  call(name: Name, ...args: Argument[]): void {
    this.#check(this.functions[name](...args) as Pointer | null);
  }

  /** Names of the execution providers that the library can load, such as "CUDAExecutionProvider". */
  availableProviders(): string[] {
    const [out, count] = [pinned(BigUint64Array, 1), pinned(Int32Array, 1)];
    this.call('getAvailableProviders', out, count);
    const [names, n] = [out[0] as Pointer, count[0] as number];
    const size = BigInt(BigUint64Array.BYTES_PER_ELEMENT);
    const list = Array.from({ length: n }, (_, i): string => koffi.decode(names + BigInt(i) * size, 'char *'));
    this.call('releaseAvailableProviders', names, n);
    // Some builds list providers whose own libraries they come without.
    return list.filter((name) => {
      const part = PROVIDER_LIBRARIES[name];
      return part === undefined || existsSync(join(dirname(this.library), part));
    });
  }

  /** Calls a function that makes an object. */
  make(name: Name, ...args: Argument[]): Pointer {
    const out = pinned(BigUint64Array, 1);
    this.call(name, ...args, out);
    return out[0] as Pointer;
  }

  /** The same on another thread: the event loop goes on. */
  async callAsync(name: Name, ...args: Argument[]): Promise<void> {
    const status = await new Promise<Pointer | null>((resolve, reject) =>
      this.functions[name].async(...args, (error, result) => (error ? reject(error) : resolve(result))),
    );
    this.#check(status);
  }

  /** The same as {@link make} on another thread. */
  async makeAsync(name: Name, ...args: Argument[]): Promise<Pointer> {
    const out = pinned(BigUint64Array, 1);
    await this.callAsync(name, ...args, out);
    return out[0] as Pointer;
  }

  release(name: Extract<Name, `release${string}`>, object: Pointer): void {
    this.functions[name](object);
  }

  #check(status: Pointer | null): void {
    if (status === null) return;
    const message = this.functions.getErrorMessage(status) as string;
    this.functions.releaseStatus(status);
    throw new Error(message.replace(ORIGIN, '').trim());
  }
}

const GET_API = koffi.proto('void *GetApi(uint32_t version)');
const GET_VERSION = koffi.proto('const char *GetVersionString()');
const PROTOTYPES = Object.fromEntries(
  Object.entries(FUNCTIONS).map(([name, [, signature]]) => [name, koffi.proto(signature)]),
) as Record<Name, ReturnType<typeof koffi.proto>>;

/** Where in its own source an error of ONNX Runtime comes from, ahead of what it says. */
const ORIGIN = /^[\s\S]*\[ONNXRuntimeError\] : \d+ : \w+ : |^\/onnxruntime_src\/\S+ .*?(?= was false\. )/;

/** Providers that live in a library of their own, beside the main one. */
const PROVIDER_LIBRARIES: Readonly<Record<string, string>> = {
  TensorrtExecutionProvider: 'libonnxruntime_providers_tensorrt.so',
  CUDAExecutionProvider: 'libonnxruntime_providers_cuda.so',
};

/** Stands in for a function that a library was built without: only what needs it fails. */
function absent(library: string, name: string): Native {
  const fail = () => {
    throw new Error(`${library} has no function ${name}`);
  };
  return Object.assign(fail, { async: fail }) as unknown as Native;
}

/** A copy of `count` pointers that lie at `base`. */
function addresses(base: Pointer, count: number): BigUint64Array {
  return new BigUint64Array(koffi.view(base, count * BigUint64Array.BYTES_PER_ELEMENT)).slice();
}

/** A typed array that never moves: V8 keeps small ones on its own heap unless they are given a buffer. */
export function pinned<T extends Memory>(
  type: { new (buffer: ArrayBuffer): T; readonly BYTES_PER_ELEMENT: number },
  length: number,
): T {
  return new type(new ArrayBuffer(length * type.BYTES_PER_ELEMENT));
}

/** Zero-terminated strings in memory that does not move, and an array of pointers to them. Both live as long as the object. */
export class CStrings {
  readonly pointers: BigUint64Array;
  readonly #texts: readonly Buffer[];

  constructor(texts: readonly string[]) {
    this.#texts = texts.map((text) => {
      const bytes = Buffer.from(`${text}\0`, 'utf8');
      const fixed = Buffer.from(new ArrayBuffer(bytes.length));
      bytes.copy(fixed);
      return fixed;
    });
    this.pointers = pinned(BigUint64Array, texts.length);
    this.#texts.forEach((text, i) => {
      this.pointers[i] = koffi.address(text);
    });
  }

  get count(): number {
    return this.#texts.length;
  }
}
