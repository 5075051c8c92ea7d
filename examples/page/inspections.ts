import type { FrameImage, Heatmap, ResultMessage } from '@beltsight/sdk';

/** A result with its pictures. */
export interface Inspection {
  readonly result: ResultMessage;
  readonly frame: ImageBitmap | undefined;
  readonly heatmap: Heatmap | undefined;
}

/** Pictures come before the result they belong to; those whose result never comes are forgotten. */
const WAITING = 8;

/** Brings frame, heatmap and result of the same id together. */
export class Joiner {
  readonly #frames = new Map<string, Promise<ImageBitmap | undefined>>();
  readonly #heatmaps = new Map<string, Heatmap>();

  addFrame({ id, jpeg }: FrameImage): void {
    const blob = new Blob([Uint8Array.from(jpeg)], { type: 'image/jpeg' });
    keep(
      this.#frames,
      id,
      createImageBitmap(blob).catch(() => undefined),
    );
  }

  addHeatmap(heatmap: Heatmap): void {
    keep(this.#heatmaps, heatmap.id, heatmap);
  }

  async join(result: ResultMessage): Promise<Inspection> {
    return { result, frame: await this.#frames.get(result.id), heatmap: this.#heatmaps.get(result.id) };
  }
}

function keep<T>(map: Map<string, T>, id: string, value: T): void {
  map.set(id, value);
  const [oldest] = map.keys();
  if (map.size > WAITING && oldest !== undefined) map.delete(oldest);
}
