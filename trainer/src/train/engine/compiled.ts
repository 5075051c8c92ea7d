import { constantTensors } from '../../graph/constants.js';
import type { Provider } from '../../graph/provider.js';
import { record } from '../../graph/record.js';
import { GraphSession, type ResultTensor, type TypedArray } from '../../graph/session.js';
import type { Batch, Losses, TrainingEngine, TrainingState } from '../engine.js';
import { adamRates } from './adam.js';
import {
  allocate,
  type Buffers,
  type Chunk,
  type GroupBuffers,
  type Layout,
  layoutOf,
  load,
  unload,
  viewOf,
} from './layout.js';
import type { OptimizerConfig, TrainingProgram } from './program.js';
import {
  chunkNames,
  chunkShape,
  LOSS_TERMS,
  LOSSES,
  NEXT_STATISTICS,
  stepInputs,
  trainingStep,
  validation,
  validationInputs,
} from './step.js';

export interface CompiledEngineOptions {
  /** Threads for ONNX Runtime. The same number gives the same bits; default: the number of cores. */
  readonly threads?: number;
  /** What computes (default: `cpu`). */
  readonly provider?: Provider;
  /** File prefix for ONNX Runtime's profile of the training graph. */
  readonly profile?: string;
}

/**
 * Runs a training program as one ONNX graph on ONNX Runtime: forward, backward, clipping and Adam. Parameters,
 * moments and statistics live in two sets of buffers that a step reads from and writes to in turn, so memory does
 * not grow with steps.
 */
export class CompiledEngine implements TrainingEngine {
  readonly description: string;
  readonly #layout: Layout;
  readonly #losses = new Float32Array(LOSS_TERMS.length);
  #current: Buffers;
  #spare: Buffers;
  #step = 0;

  private constructor(
    private readonly program: TrainingProgram,
    private readonly optimizer: OptimizerConfig,
    private readonly training: GraphSession,
    private readonly validating: GraphSession,
    provider: Provider,
  ) {
    this.description = `compiled: one ONNX graph on ONNX Runtime (${provider === 'cpu' ? 'CPU' : 'CUDA'})`;
    this.#layout = layoutOf(program, 'channels-first');
    this.#current = allocate(this.#layout);
    this.#spare = allocate(this.#layout);
  }

  /** Records the program's graphs and loads them. Start by {@link restore} with initial parameters. */
  static async open(
    program: TrainingProgram,
    optimizer: OptimizerConfig,
    options: CompiledEngineOptions = {},
  ): Promise<CompiledEngine> {
    const { threads, profile, provider = 'cpu' } = options;
    const limits = { provider, ...(threads === undefined ? {} : { threads }) };
    const [step, validate] = recordGraphs(program, optimizer, provider);
    const training = await GraphSession.open(step, { ...limits, ...(profile === undefined ? {} : { profile }) });
    const validating = await GraphSession.open(validate, limits);
    return new CompiledEngine(program, optimizer, training, validating, provider);
  }

  async step(batch: Batch): Promise<Losses> {
    this.#step++;
    const results = await this.training.run(
      { ...batchFeeds(batch), ...this.#weights(), ...this.#optimizerFeeds() },
      this.#targets(),
    );
    [this.#current, this.#spare] = [this.#spare, this.#current];
    const terms = results[LOSSES]?.data ?? this.#losses;
    return Object.fromEntries(LOSS_TERMS.map((term, i) => [term, terms[i] as number])) as unknown as Losses;
  }

  async validate(images: Uint8Array, count: number): Promise<Float32Array> {
    const { batch, size } = this.program;
    const bytes = size * size * 3;
    const losses = new Float32Array(count);
    for (let start = 0; start < count; start += batch) {
      // The last batch is filled up with zeros, whose losses are dropped.
      const pixels = new Uint8Array(batch * bytes);
      const end = Math.min(count, start + batch);
      pixels.set(images.subarray(start * bytes, end * bytes));
      const { loss } = await this.validating.run({ images: pixels, ...this.#weights() });
      losses.set((loss as ResultTensor).data.subarray(0, end - start), start);
    }
    return losses;
  }

  state(): TrainingState {
    return { step: this.#step, tensors: unload(this.#layout, this.#current) };
  }

  restore(state: TrainingState): void {
    load(this.#layout, this.#current, state.tensors);
    this.#step = state.step;
  }

  /** Ends profiling, where it was asked for, and writes the trace. */
  endProfiling(): void {
    this.training.endProfiling();
  }

  async close(): Promise<void> {
    await this.training.close();
    await this.validating.close();
  }

  /** Parameters and statistics, one by one, as views of the current buffers. */
  #weights(): Record<string, TypedArray> {
    const feeds: Record<string, TypedArray> = {};
    for (const [group, { slots }] of this.#layout.groups) {
      const { parameters } = this.#current.groups.get(group) as GroupBuffers;
      for (const slot of slots) feeds[slot.name] = viewOf(parameters, slot);
    }
    for (const slot of this.#layout.statistics.slots) feeds[slot.name] = viewOf(this.#current.statistics, slot);
    return feeds;
  }

  #optimizerFeeds(): Record<string, TypedArray> {
    const feeds: Record<string, TypedArray> = {};
    for (const group of this.#layout.groups.keys()) {
      const { rate, root } = adamRates(this.optimizer, group, this.#step);
      feeds[`rate/${group}`] = Float32Array.of(rate);
      feeds.root = Float32Array.of(root);
    }
    for (const [name, , data] of this.#chunks(this.#current)) feeds[name] = data;
    return feeds;
  }

  #targets(): Record<string, ResultTensor> {
    const targets: Record<string, ResultTensor> = { [LOSSES]: { dims: [this.#losses.length], data: this.#losses } };
    for (const [name, chunk, data] of this.#chunks(this.#spare))
      targets[`next.${name}`] = { dims: chunkShape(chunk), data };
    const { statistics } = this.#spare;
    if (statistics.length > 0) targets[NEXT_STATISTICS] = { dims: [statistics.length], data: statistics };
    return targets;
  }

  /** Parameters and moments of every chunk as views, with their names. */
  *#chunks(buffers: Buffers): Generator<readonly [string, Chunk, Float32Array]> {
    for (const [group, { chunks }] of this.#layout.groups) {
      const own = buffers.groups.get(group) as GroupBuffers;
      for (const chunk of chunks) {
        const names = chunkNames(chunk);
        for (const key of ['parameters', 'moment1', 'moment2'] as const)
          yield [names[key], chunk, viewOf(own[key], chunk)];
      }
    }
  }
}

/** The ONNX graphs of a program's training step and of its validation. */
function recordGraphs(program: TrainingProgram, optimizer: OptimizerConfig, provider: Provider) {
  const target = provider === 'cuda' ? 'training-cuda' : 'training';
  const layout = layoutOf(program, 'channels-first');
  // Of each recording its own.
  const frozen = () => constantTensors((name) => program.frozen.get(name));
  const step = record(
    'train',
    stepInputs(program, layout),
    (inputs) => trainingStep(program, layout, optimizer, frozen(), inputs),
    { target },
  );
  const validate = record(
    'validate',
    validationInputs(program, layout),
    (inputs) => validation(program, layout, frozen(), inputs),
    { target },
  );
  return [step, validate] as const;
}

function batchFeeds({ images, augmented, labels, negatives }: Batch): Record<string, TypedArray> {
  return { images, labels, ...(augmented ? { augmented } : {}), ...(negatives ? { negatives } : {}) };
}
