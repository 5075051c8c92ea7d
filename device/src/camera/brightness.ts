import { frameShape, type PixelFormat } from '@beltsight/sdk/preprocess';
import type { Picture } from './frame.js';

/** Where brightness lies among the bytes of a row: first byte, and bytes from one to the next; of colours, all three count alike. */
const LUMA: Readonly<Record<PixelFormat, { first: number; step: number; colours?: 3 }>> = {
  RGB24: { first: 0, step: 3, colours: 3 },
  BGR24: { first: 0, step: 3, colours: 3 },
  BGRx: { first: 0, step: 4, colours: 3 },
  GREY: { first: 0, step: 1 },
  Y10: { first: 0, step: 2 },
  Y12: { first: 0, step: 2 },
  Y16: { first: 0, step: 2 },
  YUYV: { first: 0, step: 2 },
  UYVY: { first: 1, step: 2 },
  NV12: { first: 0, step: 1 },
  NV21: { first: 0, step: 1 },
  YU12: { first: 0, step: 1 },
};

/** Samples along each side. */
const GRID = 48;

/** Mean brightness of a frame, 0 (black) to 1 (white), from a grid of its pixels: some microseconds. */
export function brightnessOf(picture: Picture): number {
  const { format, width, height, data } = picture;
  const [, stride] = frameShape(picture);
  const { first, step, colours = 1 } = LUMA[format];
  const bits = /^Y1[0246]$/.test(format) ? Number(format.slice(1)) : 8;
  let sum = 0;
  for (let i = 0; i < GRID * GRID; i++) {
    const x = Math.floor((((i % GRID) + 0.5) * width) / GRID);
    const y = Math.floor(((Math.floor(i / GRID) + 0.5) * height) / GRID);
    const at = y * stride + first + x * step;
    if (bits > 8) sum += (data[at] ?? 0) + 256 * (data[at + 1] ?? 0);
    else for (let c = 0; c < colours; c++) sum += (data[at + c] ?? 0) / colours;
  }
  return sum / (GRID * GRID * (2 ** bits - 1));
}
