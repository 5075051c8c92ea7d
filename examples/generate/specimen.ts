import { drawBelt } from './belt.js';
import { photograph } from './photograph.js';
import { lay, type Product } from './product.js';
import { biscuit } from './products/biscuit.js';
import { cap } from './products/cap.js';
import { gear } from './products/gear.js';
import { Random } from './random.js';
import { emptySurface } from './surface.js';

export const products: readonly Product[] = [cap, biscuit, gear];

export interface Specimen {
  /** 8-bit sRGB, [size, size, 3]. */
  readonly pixels: Uint8Array;
  /** 255 where defective, else 0, [size, size]. */
  readonly mask: Uint8Array;
}

/** Photographs one specimen of a product lying on the belt. Same seed, same picture. */
export function drawSpecimen(product: Product, size: number, seed: number, defect?: string): Specimen {
  const random = new Random(seed);
  const surface = emptySurface(size);
  drawBelt(surface, random);
  product.draw(surface, lay(size, random), random, defect);
  return { pixels: photograph(surface, random), mask: surface.mask.map((value) => value * 255) };
}
