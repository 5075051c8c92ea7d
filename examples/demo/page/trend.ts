import type { ResultMessage } from '@beltsight/sdk';

const LENGTH = 120;
/** Ratios above this are drawn at the top. */
const TOP = 2;

/** Score over threshold of the last results: dots below the line pass, marks above it are rejects. */
export class Trend {
  readonly #points: { ratio: number; verdict: ResultMessage['verdict'] }[] = [];

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.#draw();
  }

  add({ score, threshold, verdict }: ResultMessage): void {
    this.#points.push({ ratio: threshold === null ? TOP : score / threshold, verdict });
    if (this.#points.length > LENGTH) this.#points.shift();
    this.#draw();
  }

  #draw(): void {
    const { width, height } = this.canvas;
    const context = this.canvas.getContext('2d') as CanvasRenderingContext2D;
    const style = getComputedStyle(document.documentElement);
    const y = (ratio: number) => height - 8 - (Math.min(TOP, Math.max(0, ratio)) / TOP) * (height - 16);
    context.clearRect(0, 0, width, height);
    context.strokeStyle = '#ffffff';
    context.setLineDash([6, 4]);
    context.beginPath();
    context.moveTo(0, y(1));
    context.lineTo(width, y(1));
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = '#cfd6df';
    context.font = '12px system-ui, sans-serif';
    context.fillText('threshold', 4, y(1) - 4);
    for (const [i, { ratio, verdict }] of this.#points.entries()) {
      context.fillStyle = style.getPropertyValue(`--${verdict}`);
      const x = ((i + 0.5) / LENGTH) * width;
      context.beginPath();
      // Rejects are squares, so that colour is not all that tells them apart.
      if (verdict === 'pass') context.arc(x, y(ratio), 2.5, 0, 2 * Math.PI);
      else context.rect(x - 4, y(ratio) - 4, 8, 8);
      context.fill();
    }
  }
}
