import type { OnnxGraph, ValueInfo } from '@beltsight/sdk/onnx';
import { GraphSession } from '../graph/session.js';

/** Outputs of the model file for one image. */
export interface Scored {
  readonly score: number;
  /** Smoothed anomaly map, [S,S]. */
  readonly map: Float32Array;
  /** [D] */
  readonly embedding: Float32Array;
}

/** Writes 8-bit RGB [S,S,3] as the first image of an input [N,3,S,S] in 0..1. */
export function fillImage(input: Float32Array, pixels: Uint8Array): void {
  const area = pixels.length / 3;
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) input[c * area + i] = (pixels[i * 3 + c] as number) / 255;
  }
}

/** Runs a model file's graph on preprocessed images, [S,S,3] of 8-bit RGB, as a device does. */
export class ModelRunner {
  readonly #input: Float32Array;

  private constructor(
    private readonly session: GraphSession,
    private readonly batch: number,
    readonly size: number,
  ) {
    this.#input = new Float32Array(batch * 3 * size * size);
  }

  static async open(graph: OnnxGraph, threads?: number): Promise<ModelRunner> {
    const [input] = graph.inputs as [ValueInfo];
    const [batch, , size] = input.dims as [number, number, number];
    const session = await GraphSession.open(graph, threads === undefined ? {} : { threads });
    return new ModelRunner(session, batch, size);
  }

  async score(pixels: Uint8Array): Promise<Scored> {
    fillImage(this.#input, pixels);
    const { score, map, embedding } = await this.session.run({ image: this.#input });
    const first = (data: ArrayLike<number> | undefined) => {
      const all = data as Float32Array;
      return all.slice(0, all.length / this.batch);
    };
    return { score: first(score?.data)[0] as number, map: first(map?.data), embedding: first(embedding?.data) };
  }

  async close(): Promise<void> {
    await this.session.close();
  }
}
