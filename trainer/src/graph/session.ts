import { BeltsightError } from '@beltsight/sdk';
import { type ElementType, encodeModel, type OnnxGraph } from '@beltsight/sdk/onnx';
import type * as Ort from 'onnxruntime-node';
import { cudaUnavailable, isCudaFailure, type Provider } from './provider.js';

export type TypedArray = Float32Array | Int32Array | Uint8Array;

export interface SessionOptions {
  /** Threads inside one operator (default: ONNX Runtime's choice, the number of cores). */
  readonly threads?: number;
  /** What computes (default: `cpu`); what it lacks an operator for, the processor does. */
  readonly provider?: Provider;
  /** Writes a Chrome trace of every operator run to a file with this prefix; `endProfiling` closes it. */
  readonly profile?: string;
}

/** A result of a run: row-major `data` of `dims`. */
export interface ResultTensor {
  readonly dims: readonly number[];
  readonly data: TypedArray;
}

interface Port {
  readonly type: ElementType;
  readonly dims: readonly number[];
}

/** The library, loaded when it is first needed. It carries a telemetry uploader and reads this variable when it loads. */
export async function onnxRuntime(): Promise<typeof Ort> {
  process.env.ORT_DISABLE_TELEMETRY ??= '1';
  return import('onnxruntime-node');
}

/** An ONNX graph loaded into ONNX Runtime. With the same number of threads the same inputs give the same bits. */
export class GraphSession {
  private constructor(
    readonly session: Ort.InferenceSession,
    private readonly ort: typeof Ort,
    private readonly inputs: ReadonlyMap<string, Port>,
  ) {}

  /**
   * Loads a graph.
   * @throws BeltsightError MODEL_INVALID if ONNX Runtime refuses it; PROVIDER_UNAVAILABLE if the provider cannot be used here, with what is missing
   */
  static async open(model: OnnxGraph | Uint8Array, options: SessionOptions = {}): Promise<GraphSession> {
    const ort = await onnxRuntime();
    const { provider = 'cpu' } = options;
    const bytes = model instanceof Uint8Array ? model : encodeModel(model);
    try {
      const session = await ort.InferenceSession.create(bytes, {
        executionProviders: [provider],
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        // A plan of the memory of the first run is a second block beside what that run took, and nothing is faster for it.
        enableMemPattern: false,
        interOpNumThreads: 1,
        extra: {
          session: {
            // Numbers below 1e-38 are zero: processors take a hundred times as long for them, and gradients are full of them.
            // The first session of a process sets it for the thread that opens it, too: JavaScript's numbers below 2e-308 are zero from then on.
            set_denormal_as_zero: '1',
            // Without it the 8-bit convolutions of x86 processors before VNNI saturate 16-bit sums: results are far off, silently.
            x64quantprecision: '1',
          },
        },
        ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
        ...(options.profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: options.profile }),
      });
      return new GraphSession(session, ort, ports(session.inputMetadata));
    } catch (cause) {
      if (provider === 'cuda' && isCudaFailure(cause)) throw cudaUnavailable(cause);
      throw new BeltsightError('MODEL_INVALID', `ONNX Runtime refuses the graph: ${(cause as Error).message}`, {
        cause,
      });
    }
  }

  /**
   * Runs the graph on row-major arrays, one for every input. `into` names arrays that receive outputs in place.
   * @throws BeltsightError ARGUMENT_INVALID if an input is missing or has the wrong length
   */
  async run(
    feeds: Readonly<Record<string, TypedArray>>,
    into: Readonly<Record<string, ResultTensor>> = {},
  ): Promise<Record<string, ResultTensor>> {
    const tensors: Record<string, Ort.Tensor> = {};
    for (const [name, { type, dims }] of this.inputs) {
      const data = feeds[name];
      const length = dims.reduce((product, dim) => product * dim, 1);
      if (data?.length !== length) {
        const found = data === undefined ? 'is missing' : `has ${data.length} elements`;
        throw new BeltsightError('ARGUMENT_INVALID', `Input "${name}" ${found}; its shape [${dims}] needs ${length}.`);
      }
      tensors[name] = new this.ort.Tensor(type as 'float32', data as Float32Array, dims);
    }
    const fetches: Record<string, Ort.Tensor | null> = {};
    for (const name of this.session.outputNames) {
      const target = into[name];
      fetches[name] = target ? new this.ort.Tensor('float32', target.data as Float32Array, target.dims) : null;
    }
    const results = await this.session.run(tensors, fetches);
    return Object.fromEntries(
      Object.entries(results).map(([name, tensor]) => [name, { dims: tensor.dims, data: tensor.data as TypedArray }]),
    );
  }

  /** Ends profiling and writes the trace. */
  endProfiling(): void {
    this.session.endProfiling();
  }

  /** Frees the session's memory. */
  async close(): Promise<void> {
    await this.session.release();
  }
}

function ports(metadata: readonly Ort.InferenceSession.ValueMetadata[]): Map<string, Port> {
  return new Map(
    metadata.map((value) => {
      if (!value.isTensor || value.shape.some((dim) => typeof dim !== 'number')) {
        throw new BeltsightError('MODEL_INVALID', `Input "${value.name}" has no static shape.`);
      }
      return [value.name, { type: value.type as ElementType, dims: value.shape as readonly number[] }] as const;
    }),
  );
}
