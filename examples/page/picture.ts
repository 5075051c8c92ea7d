import { colourise, type Heatmap } from '@beltsight/sdk';

/** What is drawn: a frame, a heatmap over it, either or none. */
export interface Picture {
  readonly frame: ImageBitmap | undefined;
  readonly heatmap: Heatmap | undefined;
}

/** Unpacks a frame; undefined where there is none, or the bytes are no picture. The caller closes it. */
export async function decodeFrame(jpeg: Blob | undefined): Promise<ImageBitmap | undefined> {
  return jpeg && (await createImageBitmap(jpeg).catch(() => undefined));
}

/** Draws a frame with its heatmap over it, filling the canvas. `opacity` 0..1; 0 leaves the heatmap out. */
export function drawPicture(canvas: HTMLCanvasElement, { frame, heatmap }: Picture, opacity: number): void {
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
