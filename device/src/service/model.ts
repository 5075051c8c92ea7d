import { once } from 'node:events';
import type { BundleManifest } from '@beltsight/sdk/bundle';
import type { Logger } from 'pino';
import type { Picture } from '../camera/frame.js';
import { type Inspection, Scorer, type ScorerOptions } from '../score/scorer.js';
import type { Candidate, ModelHost } from '../update/host.js';

/** What can be asked of the model in use, whichever that is at the moment. */
export type ModelInUse = Pick<
  Scorer,
  'manifest' | 'provider' | 'rejected' | 'runtimeVersion' | 'score' | 'useThresholds'
>;

export interface ModelParts {
  readonly options: ScorerOptions;
  readonly logger: Logger;
  /** @throws BeltsightError if the cameras need what a model does not know */
  readonly check: (manifest: BundleManifest) => void;
}

/**
 * The model that the service inspects with. Another one can be opened beside it and take its place between two frames: a frame is
 * scored by the model that was in use when it was handed over, and its inspection says which.
 */
export class Model implements ModelInUse, ModelHost {
  readonly #listeners: ((scorer: ModelInUse) => void)[] = [];

  private constructor(
    private readonly parts: ModelParts,
    private scorer: Scorer,
  ) {}

  /** @throws BeltsightError of `Scorer.open` and of `parts.check` */
  static async open(bundle: string, parts: ModelParts): Promise<Model> {
    return new Model(parts, await openScorer(bundle, parts));
  }

  get manifest(): BundleManifest {
    return this.scorer.manifest;
  }

  get provider(): Scorer['provider'] {
    return this.scorer.provider;
  }

  get rejected(): Scorer['rejected'] {
    return this.scorer.rejected;
  }

  get runtimeVersion(): string {
    return this.scorer.runtimeVersion;
  }

  get modelId(): string {
    return this.manifest.modelId;
  }

  get falseRejectRate(): number {
    return Math.max(...this.manifest.classes.map(({ falseRejectRate }) => falseRejectRate.wanted));
  }

  /** Like {@link Scorer.score}, with the model in use at this moment. */
  score(picture: Picture, recipe?: string): Promise<Inspection> {
    return this.scorer.score(picture, recipe);
  }

  useThresholds(thresholds: ReadonlyMap<string, number>): void {
    this.scorer.useThresholds(thresholds);
  }

  /** Tells of the model in use now, and of every other one just before its first frame. */
  onUse(listener: (model: ModelInUse) => void): void {
    this.#listeners.push(listener);
    listener(this.scorer);
  }

  async candidate(bundle: string, signal: AbortSignal): Promise<Candidate> {
    const opening = openScorer(bundle, this.parts);
    // Building an engine takes minutes and cannot be stopped: nobody waits for one that is not wanted any more.
    const next = await unlessAborted(opening, signal).catch((error) => {
      void opening.then((scorer) => scorer.close()).catch(() => undefined);
      throw error;
    });
    const close = () => next.close();
    const use = async () => {
      const before = this.scorer;
      for (const listener of this.#listeners) this.#tell(listener, next);
      this.scorer = next;
      await before.close();
    };
    return { modelId: next.manifest.modelId, use, close };
  }

  /** The switch happens whatever somebody makes of it. */
  #tell(listener: (model: ModelInUse) => void, next: ModelInUse): void {
    try {
      listener(next);
    } catch (error) {
      this.parts.logger.error({ err: error }, `At the switch of models: ${(error as Error).message}`);
    }
  }

  /** Waits for the frames in work, then frees all memory. */
  close(): Promise<void> {
    return this.scorer.close();
  }
}

async function openScorer(bundle: string, { options, logger, check }: ModelParts): Promise<Scorer> {
  const scorer = await Scorer.open(bundle, options);
  try {
    check(scorer.manifest);
  } catch (error) {
    await scorer.close();
    throw error;
  }
  const { name, modelId, classes, golden } = scorer.manifest;
  logger.info(
    { modelId, provider: scorer.provider, onnxruntime: scorer.runtimeVersion },
    `Model "${name}" ready: ${classes.length} classes, ${golden.length} golden samples score as they should.`,
  );
  return scorer;
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const settled = new AbortController();
  const aborted = once(signal, 'abort', { signal: settled.signal }).then(() => Promise.reject(signal.reason));
  try {
    signal.throwIfAborted();
    return await Promise.race([promise, aborted]);
  } finally {
    aborted.catch(() => undefined);
    settled.abort();
  }
}
