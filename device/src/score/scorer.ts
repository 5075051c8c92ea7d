import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { type BundleManifest, type Decision, decide } from '@beltsight/sdk/bundle';
import type { Picture } from '../camera/frame.js';
import { openBundleFolder } from './bundle-folder.js';
import { OrtApi } from './ort/api.js';
import { findLibrary } from './ort/library.js';
import { allocate, type BoundPort, OrtEnvironment, OrtSession } from './ort/session.js';
import { Preprocessor } from './preprocessor.js';
import { selfTest } from './self-test.js';

export interface ScorerOptions {
  /** Threads inside one operator; default: all cores. */
  readonly threads?: number | undefined;
  /** A `libonnxruntime.so` to use instead of the one of onnxruntime-node. */
  readonly library?: string | undefined;
}

/** What the model says of a picture, and what follows from it. */
export interface Inspection extends Decision {
  /** Anomaly score: the maximum of `map`. */
  readonly score: number;
  /** Smoothed anomaly map of the whole picture, [size, size] row-major. */
  readonly map: { readonly width: number; readonly height: number; readonly values: Float32Array };
  /** What the class was recognised by, [D]. */
  readonly embedding: Float32Array;
}

/**
 * A bundle, ready to inspect pictures. Inference runs on other threads; calls of `score` queue up.
 *
 * ```ts
 * const scorer = await Scorer.open('bundles/first');
 * const { verdict, className, score, threshold } = await scorer.score(await decodeImage('product.png'));
 * await scorer.close();
 * ```
 */
export class Scorer {
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly manifest: BundleManifest,
    /** ONNX Runtime execution provider in use. */
    readonly provider: 'cpu',
    /** Version of ONNX Runtime, such as "1.30.0". */
    readonly runtimeVersion: string,
    private readonly environment: OrtEnvironment,
    private readonly preprocessor: Preprocessor,
    private readonly model: OrtSession,
    private readonly outputs: Readonly<Record<'score' | 'map' | 'embedding', BoundPort>>,
  ) {}

  /**
   * Opens a bundle folder: checks every byte of it, loads the model, and proves on the bundle's golden samples that this device
   * gives the scores the trainer gave.
   * @throws BeltsightError BUNDLE_*, MODEL_INVALID, RUNTIME_UNAVAILABLE, or INFERENCE_FAILED if the self-test fails
   */
  static async open(bundle: string, options: ScorerOptions = {}): Promise<Scorer> {
    const { manifest, file } = await openBundleFolder(bundle);
    if (manifest.input.batch !== 1) {
      throw new BeltsightError(
        'BUNDLE_INVALID',
        `${bundle} takes ${manifest.input.batch} images a run, a device one: export it with --batch 1.`,
      );
    }
    const environment = OrtEnvironment.open(OrtApi.load(findLibrary(options.library)));
    const { size } = manifest.input;
    const image = allocate({ name: 'image', type: 'float32', dims: [1, 3, size, size] });
    const outputs = {
      score: allocate({ name: 'score', type: 'float32', dims: [1] }),
      map: allocate({ name: 'map', type: 'float32', dims: [1, 1, size, size] }),
      embedding: allocate({ name: 'embedding', type: 'float32', dims: [1, manifest.embeddingSize] }),
    };
    const model = await OrtSession.open(
      environment,
      join(bundle, manifest.graph),
      [image],
      Object.values(outputs),
      options,
    );
    const preprocessor = new Preprocessor(environment, size, image, options);
    const { version } = environment.api;
    const scorer = new Scorer(manifest, 'cpu', version, environment, preprocessor, model, outputs);
    try {
      await selfTest(scorer, file);
    } catch (error) {
      await scorer.close();
      throw error;
    }
    return scorer;
  }

  /**
   * Inspects a picture of any size.
   * @param recipe the product class, where it is known; otherwise the model recognises it
   * @throws BeltsightError ARGUMENT_INVALID for pixels that do not fit the size or a class the model does not know; INFERENCE_FAILED
   */
  score(picture: Picture, recipe?: string): Promise<Inspection> {
    const result = this.#queue.then(() => this.#score(picture, recipe));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** Waits for the pictures in the queue, then frees all memory. */
  async close(): Promise<void> {
    await this.#queue;
    await this.preprocessor.close();
    await this.model.close();
    this.environment.close();
  }

  async #score(picture: Picture, recipe?: string): Promise<Inspection> {
    await this.preprocessor.fill(picture);
    await this.model.run();
    const [score = Number.NaN] = this.outputs.score.data;
    // Copies: the outputs' memory belongs to the next run.
    const embedding = Float32Array.from(this.outputs.embedding.data);
    const { size } = this.manifest.input;
    const map = { width: size, height: size, values: Float32Array.from(this.outputs.map.data) };
    return { score, map, embedding, ...decide({ score, embedding }, this.manifest, recipe) };
  }
}
