import { join } from 'node:path';
import type { BundleManifest } from '@beltsight/sdk/bundle';
import type { Picture } from '../camera/frame.js';
import { type OrtEnvironment, OrtSession } from './ort/session.js';
import type { OrtTensor } from './ort/tensor.js';
import { Preprocessor } from './preprocessor.js';
import { requestsOf } from './providers/options.js';
import type { AcceleratorName, ProviderName, RuntimeConfig } from './providers/schema.js';

/** What the model says of a picture. */
export interface ModelOutput {
  readonly score: number;
  /** [size, size] */
  readonly map: Float32Array;
  /** [D] */
  readonly embedding: Float32Array;
}

/** Hears how long a stage took, in milliseconds. On a GPU the model's time may hold part of the preprocessing's. */
export type Observe = (stage: 'preprocess' | 'model' | 'decide', ms: number) => void;

/**
 * From a frame to the model's outputs on one provider. Frame, preprocessing and model share the provider's memory: a frame is
 * uploaded once, and nothing is allocated for it but the copies of the outputs that are handed out.
 */
export class Pipeline {
  private constructor(
    private readonly preprocessor: Preprocessor,
    private readonly model: OrtSession,
    private readonly outputs: Readonly<Record<'score' | 'map' | 'embedding', OrtTensor>>,
  ) {}

  /** @throws BeltsightError MODEL_INVALID, PROVIDER_UNAVAILABLE */
  static async open(
    environment: OrtEnvironment,
    bundle: string,
    manifest: BundleManifest,
    provider: ProviderName,
    runtime: RuntimeConfig,
    available: (name: AcceleratorName) => boolean,
  ): Promise<Pipeline> {
    const { threads, strict } = runtime;
    const requests = (name: ProviderName) => (name === 'cpu' ? [] : requestsOf(name, runtime, available));
    const options = { threads, providers: requests(provider), strict: strict && provider !== 'cpu' };
    const model = await OrtSession.open(environment, join(bundle, manifest.graph), options);
    try {
      const { size } = manifest.input;
      const image = model.deviceTensor('float32', [1, 3, size, size]);
      model.bindInput(manifest.input.name, image);
      const outputs = {
        score: model.hostTensor('float32', [1]),
        map: model.hostTensor('float32', [1, 1, size, size]),
        embedding: model.hostTensor('float32', [1, manifest.embeddingSize]),
      };
      for (const [name, tensor] of Object.entries(outputs)) model.bindOutput(name, tensor);
      // TensorRT would build an engine for every size of frame; CUDA computes in the same memory at once.
      const beside = requests(provider).filter(({ name }) => name !== 'tensorrt');
      const preprocessor = new Preprocessor(environment, size, image, { threads, providers: beside });
      return new Pipeline(preprocessor, model, outputs);
    } catch (error) {
      await model.close();
      throw error;
    }
  }

  /** Calls must not overlap. */
  async run(picture: Picture, observe?: Observe): Promise<ModelOutput> {
    const begin = performance.now();
    await this.preprocessor.fill(picture);
    const filled = performance.now();
    await this.model.run();
    observe?.('preprocess', filled - begin);
    observe?.('model', performance.now() - filled);
    const { score, map, embedding } = this.outputs;
    // Copies: the outputs' memory belongs to the next run.
    return {
      score: score.data?.[0] ?? Number.NaN,
      map: Float32Array.from(map.data ?? []),
      embedding: Float32Array.from(embedding.data ?? []),
    };
  }

  /** Frees all memory; no run may be in progress. */
  async close(): Promise<void> {
    await this.preprocessor.close();
    await this.model.close();
  }
}
