import type { FrameImage, Heatmap, ResultMessage } from '@beltsight/sdk';

/** A result with its pictures, the frame still packed: most are never looked at. */
export interface Inspection {
  readonly result: ResultMessage;
  readonly jpeg: Blob | undefined;
  readonly heatmap: Heatmap | undefined;
}

/**
 * Pictures come before the result they belong to; those whose result never comes are forgotten. A slow client may hear them up to 20
 * messages before it: so many results wait in a broker for acknowledgements, which pictures (QoS 0) do not.
 */
const WAITING = 24;

/** Brings frame, heatmap and result of the same id together, for one camera. */
export class Joiner {
  readonly #frames = new Map<string, Blob>();
  readonly #heatmaps = new Map<string, Heatmap>();

  addFrame({ id, jpeg }: FrameImage): void {
    keep(this.#frames, id, new Blob([Uint8Array.from(jpeg)], { type: 'image/jpeg' }));
  }

  addHeatmap(heatmap: Heatmap): void {
    keep(this.#heatmaps, heatmap.id, heatmap);
  }

  join(result: ResultMessage): Inspection {
    const { id } = result;
    const inspection = { result, jpeg: this.#frames.get(id), heatmap: this.#heatmaps.get(id) };
    this.#frames.delete(id);
    this.#heatmaps.delete(id);
    return inspection;
  }
}

function keep<T>(map: Map<string, T>, id: string, value: T): void {
  map.set(id, value);
  const [oldest] = map.keys();
  if (map.size > WAITING && oldest !== undefined) map.delete(oldest);
}
