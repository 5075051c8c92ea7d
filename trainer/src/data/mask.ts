import sharp from 'sharp';
import { decodeMarked, type RgbImage } from './decode.js';

/** Ground truth that no file holds: outlines and runs, in pixels of the image. */
export interface DrawnMask {
  readonly width: number;
  readonly height: number;
  /** Each x, y, x, y, ...; filled with its border, as OpenCV's fillPoly does. */
  readonly polygons: readonly (readonly number[])[];
  /** Each a mask column by column: how many pixels are unmarked, marked, unmarked, ... (COCO's uncompressed RLE). */
  readonly runs: readonly (readonly number[])[];
}

/** Ground truth of a test image: an image file or a part of one, or something to be drawn. */
export type Mask = string | DrawnMask;

/**
 * Pixels of a mask, 255 where marked (in a file: where not black), otherwise 0.
 * @throws BeltsightError IMAGE_UNREADABLE, IMAGE_TOO_LARGE naming the file
 */
export async function decodeMask(mask: Mask): Promise<RgbImage> {
  return typeof mask === 'string' ? decodeMarked(mask) : draw(mask);
}

async function draw({ width, height, polygons, runs }: DrawnMask): Promise<RgbImage> {
  const marked = await filled(width, height, polygons);
  for (const counts of runs) {
    let at = 0;
    for (const [i, count] of counts.entries()) {
      if (i % 2 === 1) {
        for (let p = at; p < Math.min(at + count, marked.length); p++)
          marked[(p % height) * width + Math.floor(p / height)] = 255;
      }
      at += count;
    }
  }
  return {
    width,
    height,
    data: Uint8Array.from({ length: marked.length * 3 }, (_, i) => marked[Math.floor(i / 3)] ?? 0),
  };
}

/** [height, width], 255 inside of a polygon and on its border. */
async function filled(width: number, height: number, polygons: DrawnMask['polygons']): Promise<Uint8Array> {
  const paths = polygons.filter(({ length }) => length > 0).map((points) => `<path d="${path(points)}"/>`);
  if (paths.length === 0) return new Uint8Array(width * height);
  const style = 'fill="white" fill-rule="evenodd" stroke="white" stroke-width="1" shape-rendering="crispEdges"';
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><g ${style}>${paths.join('')}</g></svg>`;
  const { data, info } = await sharp(Buffer.from(svg), { unlimited: true })
    .extractChannel('alpha')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return Uint8Array.from({ length: width * height }, (_, i) => ((data[i * info.channels] as number) > 127 ? 255 : 0));
}

/** Whole coordinates mean the middle of a pixel, as in OpenCV. */
function path(points: readonly number[]): string {
  const middle = (value: number) => Math.trunc(value) + 0.5;
  const corners = Array.from(
    { length: Math.floor(points.length / 2) },
    (_, i) => `${middle(points[2 * i] as number)} ${middle(points[2 * i + 1] as number)}`,
  );
  return `M${corners.join('L')}Z`;
}
