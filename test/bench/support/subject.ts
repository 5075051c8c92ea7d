import { encodeModel, type OnnxGraph, sizeOf } from '@beltsight/sdk/onnx';
import * as ort from 'onnxruntime-node';

export interface SubjectOptions {
  readonly threads: number;
  /** The input `image`; other inputs are ones. */
  readonly image?: Float32Array;
  /** Whether ONNX Runtime may rewrite the graph; default true. */
  readonly improve?: boolean;
  /** Writes a trace of every operator to a file with this prefix. */
  readonly profile?: string;
}

/** A graph under measurement. */
export class Subject {
  private constructor(
    private readonly session: ort.InferenceSession,
    private readonly feeds: Readonly<Record<string, ort.Tensor>>,
  ) {}

  static async open(graph: OnnxGraph, { threads, image, improve = true, profile }: SubjectOptions): Promise<Subject> {
    const session = await ort.InferenceSession.create(encodeModel(graph), {
      executionProviders: ['cpu'],
      graphOptimizationLevel: improve ? 'all' : 'disabled',
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
      ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
    });
    const feeds = graph.inputs.map(({ name, dims }) => {
      const data = name === 'image' && image ? image : new Float32Array(sizeOf(dims as number[])).fill(1);
      return [name, new ort.Tensor('float32', data, dims as number[])] as const;
    });
    return new Subject(session, Object.fromEntries(feeds));
  }

  async run(): Promise<void> {
    await this.session.run(this.feeds);
  }

  async score(): Promise<number> {
    const { score } = await this.session.run(this.feeds);
    return (score as ort.TypedTensor<'float32'>).data[0] as number;
  }

  /** Dimensions of every output. */
  async shapes(): Promise<[string, readonly number[]][]> {
    return Object.entries(await this.session.run(this.feeds)).map(([name, { dims }]) => [name, dims]);
  }

  async close(): Promise<void> {
    this.session.endProfiling();
    await this.session.release();
  }
}

/**
 * Milliseconds of each subject's fastest run. All are run in turn, `rounds` times, and each of them twice on its turn: the first
 * run brings its weights back into the caches, as a device that does nothing else has them.
 */
export async function fastestOf<Name extends string>(
  subjects: Readonly<Record<Name, Subject>>,
  rounds: number,
): Promise<Record<Name, number>> {
  const best = Object.fromEntries(Object.keys(subjects).map((name) => [name, Number.POSITIVE_INFINITY]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, subject] of Object.entries<Subject>(subjects)) {
      await subject.run();
      const start = performance.now();
      await subject.run();
      best[name] = Math.min(best[name] as number, performance.now() - start);
    }
  }
  return best as Record<Name, number>;
}
