import { BeltsightError } from '@beltsight/sdk';
import koffi from 'koffi';
import { type OrtApi, type Pointer, pinned } from './api.js';

/** Element types of ONNX tensors by their number in ONNXTensorElementDataType. */
const ELEMENTS = { float32: { code: 1, array: Float32Array }, uint8: { code: 2, array: Uint8Array } } as const;

/** An input or output: its tensor is allocated once, and every run reads or writes it in place. */
export interface Port {
  readonly name: string;
  readonly type: keyof typeof ELEMENTS;
  readonly dims: readonly number[];
}

/** A port with memory. */
export interface BoundPort extends Port {
  readonly data: Float32Array | Uint8Array;
}

/** Memory for a port, where ONNX Runtime can reach it. */
export function allocate(port: Port): BoundPort {
  const length = port.dims.reduce((product, dim) => product * dim, 1);
  return { ...port, data: pinned<Float32Array | Uint8Array>(ELEMENTS[port.type].array, length) };
}

export interface SessionOptions {
  /** Threads inside one operator; default: ONNX Runtime's choice, the number of cores. */
  readonly threads?: number | undefined;
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
const ARENA_ALLOCATOR = 1;
const DEFAULT_MEMORY = 0;

/**
 * A model loaded on the CPU provider, with its inputs and outputs bound to fixed memory. Runs are asynchronous and
 * one at a time.
 */
export class OrtSession {
  readonly #inputs: Tensors;
  readonly #outputs: Tensors;
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(
    private readonly environment: OrtEnvironment,
    private readonly pointer: Pointer,
    inputs: readonly BoundPort[],
    outputs: readonly BoundPort[],
  ) {
    this.#inputs = new Tensors(environment, inputs);
    this.#outputs = new Tensors(environment, outputs);
  }

  /**
   * Loads a model from a file (whose external data lies beside it) or from memory.
   * @throws BeltsightError MODEL_INVALID if ONNX Runtime refuses it
   */
  static async open(
    environment: OrtEnvironment,
    model: string | Uint8Array,
    inputs: readonly BoundPort[],
    outputs: readonly BoundPort[],
    { threads }: SessionOptions = {},
  ): Promise<OrtSession> {
    const { api, pointer } = environment;
    const options = api.make('createSessionOptions');
    try {
      if (threads !== undefined) api.call('setIntraOpNumThreads', options, threads);
      // Threads that spin between operators would keep a core busy between frames.
      api.call('addSessionConfigEntry', options, 'session.intra_op.allow_spinning', '0');
      const session =
        typeof model === 'string'
          ? await api.makeAsync('createSession', pointer, model, options)
          : await api.makeAsync('createSessionFromArray', pointer, model, model.byteLength, options);
      return new OrtSession(environment, session, inputs, outputs);
    } catch (cause) {
      const where = typeof model === 'string' ? model : 'the graph';
      throw new BeltsightError('MODEL_INVALID', `ONNX Runtime refuses ${where}: ${(cause as Error).message}`, {
        cause,
      });
    } finally {
      api.release('releaseSessionOptions', options);
    }
  }

  /**
   * Runs the model on what lies in the inputs' memory; results lie in the outputs' memory.
   * @throws BeltsightError INFERENCE_FAILED
   */
  async run(): Promise<void> {
    if (this.#closed) throw new BeltsightError('INFERENCE_FAILED', 'The session is closed.');
    const run = this.#running.then(() => this.#run());
    this.#running = run.catch(() => undefined);
    await run;
  }

  async #run(): Promise<void> {
    const [inputs, outputs] = [this.#inputs, this.#outputs];
    try {
      await this.environment.api.callAsync(
        'run',
        this.pointer,
        null,
        inputs.names,
        inputs.values,
        inputs.count,
        outputs.names,
        outputs.count,
        outputs.values,
      );
    } catch (cause) {
      throw new BeltsightError('INFERENCE_FAILED', `The model failed to run: ${(cause as Error).message}`, { cause });
    }
  }

  /** Waits for a run in progress, then frees the session's memory. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#running;
    this.#inputs.release();
    this.#outputs.release();
    this.environment.api.release('releaseSession', this.pointer);
  }
}

/** Names and tensors as arrays of C pointers, made once. */
class Tensors {
  readonly names: BigUint64Array;
  readonly values: BigUint64Array;
  /** Keeps what the pointers point to alive. */
  readonly #texts: readonly Buffer[];

  constructor(
    private readonly environment: OrtEnvironment,
    private readonly ports: readonly BoundPort[],
  ) {
    this.#texts = ports.map(({ name }) => cString(name));
    this.names = pinned(BigUint64Array, ports.length);
    this.values = pinned(BigUint64Array, ports.length);
    ports.forEach((port, i) => {
      this.names[i] = koffi.address(this.#texts[i] as Buffer);
      this.values[i] = this.#tensor(port);
    });
  }

  get count(): number {
    return this.ports.length;
  }

  release(): void {
    for (const value of this.values) this.environment.api.release('releaseValue', value);
  }

  #tensor({ type, dims, data }: BoundPort): Pointer {
    const { api, memory } = this.environment;
    const shape = pinned(BigInt64Array, dims.length);
    shape.set(dims.map(BigInt));
    const { code } = ELEMENTS[type];
    return api.make('createTensorWithDataAsOrtValue', memory, data, data.byteLength, shape, dims.length, code);
  }
}

/** A zero-terminated string in memory that does not move. */
function cString(text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`, 'utf8');
  const fixed = Buffer.from(new ArrayBuffer(bytes.length));
  bytes.copy(fixed);
  return fixed;
}
