import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Product } from './product.js';
import { seedOf } from './random.js';
import { drawSpecimen, products } from './specimen.js';

export interface SetSize {
  readonly imageSize: number;
  readonly trainGood: number;
  readonly testGood: number;
  /** Specimens of each kind of defect. */
  readonly perDefect: number;
}

/** Draws sample products (default: all) into `<folder>/<product>` in the layout of MVTec AD. Same seed, same bytes. */
export async function writeSamples(
  folder: string,
  set: SetSize,
  seed: number,
  drawn: readonly Product[] = products,
): Promise<void> {
  const plan = drawn.flatMap((product) => specimens(product, set));
  for (const { product, split, kind, number } of plan) {
    const defect = kind === 'good' ? undefined : kind;
    const { pixels, mask } = drawSpecimen(
      product,
      set.imageSize,
      seedOf(seed, product.name, split, kind, number),
      defect,
    );
    const name = String(number).padStart(3, '0');
    await writePng(pixels, 3, set.imageSize, join(folder, product.name, split, kind), `${name}.png`);
    if (defect)
      await writePng(mask, 1, set.imageSize, join(folder, product.name, 'ground_truth', kind), `${name}_mask.png`);
  }
}

function specimens(product: Product, set: SetSize) {
  const batch = (split: 'train' | 'test', kind: string, count: number) =>
    Array.from({ length: count }, (_, number) => ({ product, split, kind, number }));
  return [
    ...batch('train', 'good', set.trainGood),
    ...batch('test', 'good', set.testGood),
    ...product.defects.flatMap((defect) => batch('test', defect, set.perDefect)),
  ];
}

async function writePng(data: Uint8Array, channels: 1 | 3, size: number, folder: string, name: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await sharp(data, { raw: { width: size, height: size, channels } })
    .png({ compressionLevel: 3 })
    .toFile(join(folder, name));
}
