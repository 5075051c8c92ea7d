import type { Inspection } from '../../page/inspections.js';
import { decodeFrame, drawPicture } from '../../page/picture.js';

/** A canvas that shows an inspection, the newest one asked for: frames are unpacked one at a time. */
export class PictureView {
  #wanted: { readonly inspection: Inspection | undefined; readonly opacity: number } | undefined;
  #shown: Inspection | undefined;
  #frame: ImageBitmap | undefined;
  #drawing = false;

  /** @param side longest side of the canvas in pixels; undefined: that of the frame */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly side?: number,
  ) {}

  /** `opacity` of the heatmap, 0..1. */
  show(inspection: Inspection | undefined, opacity: number): void {
    if (this.#wanted && this.#wanted.inspection === inspection && this.#wanted.opacity === opacity) return;
    this.#wanted = { inspection, opacity };
    if (!this.#drawing) void this.#draw();
  }

  async #draw(): Promise<void> {
    this.#drawing = true;
    try {
      for (let wanted = this.#wanted; wanted; wanted = this.#wanted === wanted ? undefined : this.#wanted) {
        const { inspection, opacity } = wanted;
        if (inspection !== this.#shown) {
          this.#frame?.close();
          this.#frame = await decodeFrame(inspection?.jpeg);
          this.#shown = inspection;
        }
        const picture = { frame: this.#frame, heatmap: inspection?.heatmap };
        this.#size(picture.frame ?? picture.heatmap);
        drawPicture(this.canvas, picture, opacity);
        this.canvas.dataset.result = inspection?.result.id ?? '';
      }
    } finally {
      this.#drawing = false;
    }
  }

  #size(like: { readonly width: number; readonly height: number } | undefined): void {
    if (!like) return;
    const scale = this.side === undefined ? 1 : this.side / Math.max(like.width, like.height);
    const [width, height] = [Math.round(like.width * scale), Math.round(like.height * scale)];
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
  }
}
