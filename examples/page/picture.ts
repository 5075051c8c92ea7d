import { colourise } from '@beltsight/sdk';
import type { Inspection } from './inspections.js';

/** Draws a frame with its heatmap over it, filling the canvas. `opacity` 0..1; 0 leaves the heatmap out. */
export function drawInspection(canvas: HTMLCanvasElement, { frame, heatmap }: Inspection, opacity: number): void {
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (frame) context.drawImage(frame, 0, 0, canvas.width, canvas.height);
  if (!heatmap || opacity === 0) return;
  const { width, height, values, low, high } = heatmap;
  const layer = new OffscreenCanvas(width, height);
  const pixels = colourise(values.map((value) => (value - low) / (high - low)));
  layer.getContext('2d')?.putImageData(new ImageData(pixels, width, height), 0, 0);
  context.globalAlpha = opacity;
  context.drawImage(layer, 0, 0, canvas.width, canvas.height);
  context.globalAlpha = 1;
}
