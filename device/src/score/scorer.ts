import { BeltsightError, parseConfig } from '@beltsight/sdk';
import { type BundleManifest, type Decision, decide } from '@beltsight/sdk/bundle';
import type { z } from 'zod';
import type { Picture } from '../camera/frame.js';
import { openBundleFolder } from './bundle-folder.js';
import type { OrtApi } from './ort/api.js';
import { loadRuntime } from './ort/library.js';
import { OrtEnvironment } from './ort/session.js';
import { type Observe, Pipeline } from './pipeline.js';
import { firstThatWorks, type RejectedProvider } from './providers/chain.js';
import { type AcceleratorName, type ProviderName, type RuntimeConfig, runtimeSchema } from './providers/schema.js';
import { withEngines } from './providers/tensorrt.js';
import { selfTest } from './self-test.js';

/** How the model is run: threads, library, providers and their options; all have defaults. */
export interface ScorerOptions extends z.input<typeof runtimeSchema> {
  /** Hears what happens on the way, in words for a log. */
  readonly log?: (line: string) => void;
  /** Hears how long each stage of each picture took, in milliseconds. */
  readonly observe?: Observe;
}

/** What the model says of a picture, and what follows from it. */
export interface Inspection extends Decision {
  /** Which model says so. */
  readonly modelId: string;
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
  /** What decisions are made by, where that is not the bundle alone. */
  #known: Pick<BundleManifest, 'classes'> | undefined;

  private constructor(
    readonly manifest: BundleManifest,
    /** ONNX Runtime execution provider in use. */
    readonly provider: ProviderName,
    /** Providers that come before it in the configuration, and why they are not in use. */
    readonly rejected: readonly RejectedProvider[],
    /** Version of ONNX Runtime, such as "1.30.0". */
    readonly runtimeVersion: string,
    private readonly environment: OrtEnvironment,
    private readonly pipeline: Pipeline,
    private readonly observe: Observe,
  ) {}

  /**
   * Opens a bundle folder: checks every byte of it, loads the model on the first provider that runs it, and proves on the
   * bundle's golden samples that this device gives the scores the trainer gave.
   * @throws BeltsightError BUNDLE_*, CONFIG_INVALID, MODEL_INVALID, RUNTIME_UNAVAILABLE, PROVIDER_UNAVAILABLE, or INFERENCE_FAILED if the self-test fails
   */
  static async open(
    bundle: string,
    { log = () => undefined, observe = () => undefined, ...options }: ScorerOptions = {},
  ): Promise<Scorer> {
    const runtime = parseConfig(runtimeSchema, options, 'The options of the scorer');
    const { manifest, file } = await openBundleFolder(bundle);
    if (manifest.input.batch !== 1) {
      throw new BeltsightError(
        'BUNDLE_INVALID',
        `${bundle} takes ${manifest.input.batch} images a run, a device one: export it with --batch 1.`,
      );
    }
    const api = loadRuntime(runtime.library, log);
    const environment = OrtEnvironment.open(api);
    const available = availabilityOf(api);
    const attempt = async (provider: ProviderName) => {
      if (provider !== 'cpu') requireProvider(provider, api, available);
      const load = async (applied: RuntimeConfig) => {
        const pipeline = await Pipeline.open(environment, bundle, manifest, provider, applied, available);
        try {
          await selfTest(manifest, (picture) => pipeline.run(picture), file);
          return pipeline;
        } catch (error) {
          await pipeline.close();
          throw error;
        }
      };
      if (provider !== 'tensorrt') return load(runtime);
      const { modelId, precision } = manifest;
      const source = { modelId, int8: precision === 'int8', runtimeVersion: api.version };
      return withEngines(runtime, source, log, load);
    };
    try {
      const chosen = await firstThatWorks(runtime.providers, runtime.strict, attempt, ({ provider, reason }) =>
        log(`Provider ${provider} is not used: ${reason}`),
      );
      const { provider, rejected, result } = chosen;
      return new Scorer(manifest, provider, rejected, api.version, environment, result, observe);
    } catch (error) {
      environment.close();
      throw error;
    }
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

  /** Decides by these thresholds from the next picture on, by class; the others are those of the bundle. */
  useThresholds(thresholds: ReadonlyMap<string, number>): void {
    const classes = this.manifest.classes.map((known) => ({
      ...known,
      threshold: thresholds.get(known.name) ?? known.threshold,
    }));
    this.#known = { classes };
  }

  /** Waits for the pictures in the queue, then frees all memory. */
  async close(): Promise<void> {
    await this.#queue;
    await this.pipeline.close();
    this.environment.close();
  }

  async #score(picture: Picture, recipe?: string): Promise<Inspection> {
    const { score, map, embedding } = await this.pipeline.run(picture, this.observe);
    const { modelId, input } = this.manifest;
    const { size } = input;
    const begin = performance.now();
    const decision = decide({ score, embedding }, this.#known ?? this.manifest, recipe);
    this.observe('decide', performance.now() - begin);
    return { modelId, score, map: { width: size, height: size, values: map }, embedding, ...decision };
  }
}

/** Names of accelerators in the list of a library's providers. */
const BUILT_AS: Readonly<Record<AcceleratorName, string>> = {
  tensorrt: 'TensorrtExecutionProvider',
  cuda: 'CUDAExecutionProvider',
  webgpu: 'WebGpuExecutionProvider',
};

function availabilityOf(api: OrtApi): (name: AcceleratorName) => boolean {
  const built = api.availableProviders();
  return (name) => built.includes(BUILT_AS[name]);
}

/** ONNX Runtime itself may drop a provider that it lacks, and run on the processor without a word. */
function requireProvider(name: AcceleratorName, api: OrtApi, available: (name: AcceleratorName) => boolean): void {
  if (available(name)) return;
  throw new BeltsightError(
    'PROVIDER_UNAVAILABLE',
    `ONNX Runtime ${api.version} (${api.library}) comes without ${name}: add a build for this device, see docs/jetson.md.`,
  );
}
