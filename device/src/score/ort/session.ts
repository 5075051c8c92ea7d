import { BeltsightError } from '@beltsight/sdk';
import { appendProviders, type ProviderRequest } from '../providers/append.js';
import { type MemoryKind, memoryOf } from '../providers/memory.js';
import type { OrtApi, Pointer } from './api.js';
import { type ElementType, OrtTensor } from './tensor.js';

export interface SessionOptions {
  /** Threads inside one operator; default: ONNX Runtime's choice, the number of cores. */
  readonly threads?: number | undefined;
  /** Execution providers in order of preference; what none of them takes runs on the processor. */
  readonly providers?: readonly ProviderRequest[];
  /** Refuse to run any operator on the processor. */
  readonly strict?: boolean;
}

/** ONNX Runtime's environment: one for each process and library. */
export class OrtEnvironment {
  private constructor(
    readonly api: OrtApi,
    readonly pointer: Pointer,
    readonly memory: Pointer,
  ) {}

  static open(api: OrtApi): OrtEnvironment {
    const pointer = api.make('createEnv', LOG_ERROR, 'beltsight');
    // Only some platforms have telemetry events; where they have none, there is nothing to switch off.
    api.call('disableTelemetryEvents', pointer);
    return new OrtEnvironment(api, pointer, api.make('createCpuMemoryInfo', ARENA_ALLOCATOR, DEFAULT_MEMORY));
  }

  close(): void {
    this.api.release('releaseMemoryInfo', this.memory);
    this.api.release('releaseEnv', this.pointer);
  }
}

const LOG_ERROR = 3;
const DEVICE_ALLOCATOR = 0;
const ARENA_ALLOCATOR = 1;
const DEFAULT_MEMORY = 0;

/** A loaded model whose inputs and outputs are bound to fixed tensors. Runs are asynchronous and one at a time. */
export class OrtSession {
  readonly #binding: Pointer;
  /** Inputs in host memory of a provider that computes elsewhere: handed over before every run. */
  readonly #uploads: { name: string; tensor: OrtTensor }[] = [];
  readonly #owned: OrtTensor[] = [];
  readonly #allocators: Pointer[] = [];
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(
    private readonly environment: OrtEnvironment,
    private readonly pointer: Pointer,
    private readonly provider: ProviderRequest | undefined,
  ) {
    this.#binding = environment.api.make('createIoBinding', pointer);
  }

  /**
   * Loads a model from a file (whose external data lies beside it) or from memory.
   * @throws BeltsightError MODEL_INVALID if ONNX Runtime refuses it, PROVIDER_UNAVAILABLE if it refuses a provider
   */
  static async open(
    environment: OrtEnvironment,
    model: string | Uint8Array,
    { threads, providers = [], strict = false }: SessionOptions = {},
  ): Promise<OrtSession> {
    const { api, pointer } = environment;
    const options = api.make('createSessionOptions');
    try {
      if (threads !== undefined) api.call('setIntraOpNumThreads', options, threads);
      // Threads that spin between operators would keep a core busy between frames.
      api.call('addSessionConfigEntry', options, 'session.intra_op.allow_spinning', '0');
      // Without it the 8-bit convolutions of x86 processors before VNNI saturate 16-bit sums: results are far off, silently.
      api.call('addSessionConfigEntry', options, 'session.x64quantprecision', '1');
      if (strict) api.call('addSessionConfigEntry', options, 'session.disable_cpu_ep_fallback', '1');
      appendProviders(api, options, providers);
      const session = await create(api, pointer, model, options);
      return new OrtSession(environment, session, providers[0]);
    } finally {
      api.release('releaseSessionOptions', options);
    }
  }

  /** A tensor where the session's provider computes: in the GPU's memory if it has its own. Freed with the session. */
  deviceTensor(type: ElementType, dims: readonly number[]): OrtTensor {
    const memory = this.provider && memoryOf(this.provider)?.device;
    return memory ? this.#allocated(memory, type, dims, false) : this.hostTensor(type, dims);
  }

  /** A tensor that the processor reads and writes, page-locked where the provider can. Freed with the session. */
  hostTensor(type: ElementType, dims: readonly number[]): OrtTensor {
    const memory = this.provider && memoryOf(this.provider)?.pinned;
    if (memory) return this.#allocated(memory, type, dims, true);
    return this.#own(OrtTensor.host(this.environment.api, this.environment.memory, type, dims));
  }

  bindInput(name: string, tensor: OrtTensor): void {
    if (this.provider && tensor.data) this.#uploads.push({ name, tensor });
    else this.environment.api.call('bindInput', this.#binding, name, tensor.value);
  }

  bindOutput(name: string, tensor: OrtTensor): void {
    this.environment.api.call('bindOutput', this.#binding, name, tensor.value);
  }

  /**
   * Runs the model on what lies in the bound inputs; results lie in the bound outputs.
   * @throws BeltsightError INFERENCE_FAILED
   */
  async run(): Promise<void> {
    if (this.#closed) throw new BeltsightError('INFERENCE_FAILED', 'The session is closed.');
    const run = this.#running.then(() => this.#run());
    this.#running = run.catch(() => undefined);
    await run;
  }

  async #run(): Promise<void> {
    const { api } = this.environment;
    try {
      for (const { name, tensor } of this.#uploads) await api.callAsync('bindInput', this.#binding, name, tensor.value);
      await api.callAsync('runWithBinding', this.pointer, null, this.#binding);
    } catch (cause) {
      throw new BeltsightError('INFERENCE_FAILED', `The model failed to run: ${(cause as Error).message}`, { cause });
    }
  }

  /** Waits for a run in progress, then frees the session's memory. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#running;
    const { api } = this.environment;
    api.release('releaseIoBinding', this.#binding);
    for (const tensor of this.#owned) tensor.release();
    for (const allocator of this.#allocators) api.release('releaseAllocator', allocator);
    api.release('releaseSession', this.pointer);
  }

  #allocated(memory: MemoryKind, type: ElementType, dims: readonly number[], reachable: boolean): OrtTensor {
    const allocator = this.#allocator(memory);
    this.#allocators.push(allocator);
    return this.#own(OrtTensor.allocated(this.environment.api, allocator, type, dims, reachable));
  }

  #allocator({ name, type, ids }: MemoryKind): Pointer {
    const { api } = this.environment;
    let problem: unknown;
    for (const id of ids) {
      const info = api.make('createMemoryInfo', name, DEVICE_ALLOCATOR, id, type);
      try {
        return api.make('createAllocator', this.pointer, info);
      } catch (error) {
        problem ??= error;
      } finally {
        api.release('releaseMemoryInfo', info);
      }
    }
    throw problem;
  }

  #own(tensor: OrtTensor): OrtTensor {
    this.#owned.push(tensor);
    return tensor;
  }
}

async function create(
  api: OrtApi,
  environment: Pointer,
  model: string | Uint8Array,
  options: Pointer,
): Promise<Pointer> {
  try {
    return typeof model === 'string'
      ? await api.makeAsync('createSession', environment, model, options)
      : await api.makeAsync('createSessionFromArray', environment, model, model.byteLength, options);
  } catch (cause) {
    const where = typeof model === 'string' ? model : 'the graph';
    throw new BeltsightError('MODEL_INVALID', `ONNX Runtime refuses ${where}: ${(cause as Error).message}`, { cause });
  }
}
