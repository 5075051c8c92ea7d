import { tf } from '../../graph/tfjs.js';
import type { Batch, Losses, TrainingEngine, TrainingState } from '../engine.js';
import { adamRates } from './adam.js';
import { allocate, type Buffers, type GroupBuffers, type Layout, layoutOf, load, unload, viewOf } from './layout.js';
import type { TfjsHost } from './native.js';
import type { Lookup, OptimizerConfig, TrainingProgram } from './program.js';
import {
  chunkNames,
  chunkShape,
  LOSS_TERMS,
  LOSSES,
  NEXT_STATISTICS,
  type Tensors,
  trainingStep,
  validation,
} from './step.js';

/** Runs a training program eagerly on a tfjs backend. */
export class EagerEngine implements TrainingEngine {
  readonly description: string;
  readonly #backend: string;
  readonly #layout: Layout;
  readonly #buffers: Buffers;
  readonly #frozen = new Map<string, tf.Tensor>();
  #step = 0;

  private constructor(
    private readonly program: TrainingProgram,
    private readonly optimizer: OptimizerConfig,
    { backend, description }: TfjsHost,
  ) {
    this.description = `native: ${description}, step by step`;
    this.#backend = backend;
    this.#layout = layoutOf(program, 'plain');
    this.#buffers = allocate(this.#layout);
  }

  /** Start by {@link restore} with initial parameters. */
  static async open(program: TrainingProgram, optimizer: OptimizerConfig, host: TfjsHost): Promise<EagerEngine> {
    await tf.setBackend(host.backend);
    return new EagerEngine(program, optimizer, host);
  }

  async step({ images, augmented, labels, negatives }: Batch): Promise<Losses> {
    await tf.setBackend(this.#backend);
    this.#step++;
    const results = tf.tidy(() => {
      const inputs: Tensors = { ...this.#weights(), ...this.#optimizerInputs() };
      inputs.images = this.#pixels(images, labels.length);
      if (augmented) inputs.augmented = this.#pixels(augmented, labels.length);
      inputs.labels = tf.tensor1d(labels, 'int32');
      if (negatives) inputs.negatives = tf.tensor1d(negatives, 'int32');
      return trainingStep(this.program, this.#layout, this.optimizer, this.#lookup(), inputs);
    });
    for (const [group, { chunks }] of this.#layout.groups) {
      const buffers = this.#buffers.groups.get(group) as GroupBuffers;
      for (const chunk of chunks) {
        const names = chunkNames(chunk);
        for (const key of ['parameters', 'moment1', 'moment2'] as const) {
          viewOf(buffers[key], chunk).set((await results[`next.${names[key]}`]?.data()) as Float32Array);
        }
      }
    }
    const statistics = await results[NEXT_STATISTICS]?.data();
    if (statistics) this.#buffers.statistics.set(statistics);
    const terms = (await results[LOSSES]?.data()) as Float32Array;
    tf.dispose(results);
    return Object.fromEntries(LOSS_TERMS.map((term, i) => [term, terms[i] as number])) as unknown as Losses;
  }

  async validate(images: Uint8Array, count: number): Promise<Float32Array> {
    await tf.setBackend(this.#backend);
    const { batch, size } = this.program;
    const bytes = size * size * 3;
    const losses = new Float32Array(count);
    for (let start = 0; start < count; start += batch) {
      const end = Math.min(count, start + batch);
      const { loss } = tf.tidy(() => {
        const pixels = this.#pixels(images.subarray(start * bytes, end * bytes), end - start);
        return validation(this.program, this.#layout, this.#lookup(), { images: pixels, ...this.#weights() });
      });
      losses.set((await loss?.data()) as Float32Array, start);
      loss?.dispose();
    }
    return losses;
  }

  state(): TrainingState {
    return { step: this.#step, tensors: unload(this.#layout, this.#buffers) };
  }

  restore(state: TrainingState): void {
    load(this.#layout, this.#buffers, state.tensors);
    this.#step = state.step;
  }

  async close(): Promise<void> {
    tf.dispose([...this.#frozen.values()]);
    this.#frozen.clear();
  }

  #pixels(pixels: Uint8Array, count: number): tf.Tensor {
    return tf.tensor(Float32Array.from(pixels), [count, this.program.size, this.program.size, 3]);
  }

  // Tensors are copies: the buffers change while tensors of the previous step may still be referred to.

  #weights(): Tensors {
    const tensors: Tensors = {};
    for (const [group, { slots }] of this.#layout.groups) {
      const { parameters } = this.#buffers.groups.get(group) as GroupBuffers;
      for (const slot of slots) tensors[slot.name] = tf.tensor(viewOf(parameters, slot).slice(), [...slot.shape]);
    }
    for (const slot of this.#layout.statistics.slots) {
      tensors[slot.name] = tf.tensor(viewOf(this.#buffers.statistics, slot).slice(), [...slot.shape]);
    }
    return tensors;
  }

  #optimizerInputs(): Tensors {
    const inputs: Tensors = {};
    for (const [group, { chunks }] of this.#layout.groups) {
      const buffers = this.#buffers.groups.get(group) as GroupBuffers;
      const { rate, root } = adamRates(this.optimizer, group, this.#step);
      inputs[`rate/${group}`] = tf.scalar(rate);
      inputs.root = tf.scalar(root);
      for (const chunk of chunks) {
        const names = chunkNames(chunk);
        for (const key of ['parameters', 'moment1', 'moment2'] as const) {
          inputs[names[key]] = tf.tensor(viewOf(buffers[key], chunk).slice(), [...chunkShape(chunk)]);
        }
      }
    }
    return inputs;
  }

  /** Frozen weights, uploaded once. */
  #lookup(): Lookup {
    return {
      get: (name) => {
        const known = this.#frozen.get(name);
        if (known) return known;
        const frozen = this.program.frozen.get(name);
        if (!frozen) throw new RangeError(`The program has no tensor named "${name}".`);
        const tensor = tf.keep(tf.tensor(frozen.data, [...frozen.shape]));
        this.#frozen.set(name, tensor);
        return tensor;
      },
    };
  }
}
