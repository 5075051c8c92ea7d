import type { FrameImage, Heatmap, ResultMessage } from '@beltsight/sdk';
import { type Inspection, Joiner } from '../page/inspections.js';

/** Memory that kept pictures may take, those of the oldest rejects go first. */
const MOST_BYTES = 96 * 2 ** 20;

/** Pictures of the newest result of each camera, and of its last rejects. Bounded in number and bytes. */
export class Pictures {
  readonly #joiners = new Map<string, Joiner>();
  readonly #newest = new Map<string, Inspection>();
  /** By id of the result, oldest first. */
  readonly #rejects = new Map<
    string,
    { readonly camera: string; readonly inspection: Inspection; readonly bytes: number }
  >();
  #bytes = 0;

  constructor(private readonly limits: { readonly rejects: number; readonly cameras: number }) {}

  addFrame(camera: string, frame: FrameImage): void {
    this.#joiner(camera)?.addFrame(frame);
  }

  addHeatmap(camera: string, heatmap: Heatmap): void {
    this.#joiner(camera)?.addHeatmap(heatmap);
  }

  /** Brings a result together with its pictures, which came before it. */
  join(camera: string, result: ResultMessage): void {
    const inspection = this.#joiner(camera)?.join(result);
    if (!inspection) return;
    this.#newest.set(camera, inspection);
    if (result.verdict === 'pass' || !(inspection.jpeg || inspection.heatmap)) return;
    const bytes = (inspection.jpeg?.size ?? 0) + (inspection.heatmap?.values.byteLength ?? 0);
    this.#rejects.set(result.id, { camera, inspection, bytes });
    this.#bytes += bytes;
    const own = [...this.#rejects].filter(([, kept]) => kept.camera === camera);
    if (own.length > this.limits.rejects) this.#drop((own[0] as (typeof own)[0])[0]);
    for (const id of this.#rejects.keys()) {
      if (this.#bytes <= MOST_BYTES) break;
      this.#drop(id);
    }
  }

  /** Pictures of a result; undefined where none came or they are no longer kept. */
  find(camera: string, id: string): Inspection | undefined {
    const newest = this.#newest.get(camera);
    return newest?.result.id === id ? newest : this.#rejects.get(id)?.inspection;
  }

  #drop(id: string): void {
    this.#bytes -= this.#rejects.get(id)?.bytes ?? 0;
    this.#rejects.delete(id);
  }

  #joiner(camera: string): Joiner | undefined {
    const known = this.#joiners.get(camera);
    if (known || this.#joiners.size >= this.limits.cameras) return known;
    const joiner = new Joiner();
    this.#joiners.set(camera, joiner);
    return joiner;
  }
}
