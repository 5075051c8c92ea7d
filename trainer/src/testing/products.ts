import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';

/** Side of the pictures of the tiny products. */
const PICTURE_SIZE = 48;

/** A temporary folder that `dispose` removes. */
export async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'beltsight-test-'));
  return { path, dispose: () => rm(path, { recursive: true, force: true }) };
}

/** Colours of the tiny products: stripes across for one class, down for another. */
const LOOKS = {
  bolt: { colour: [190, 120, 60], across: true },
  plate: { colour: [60, 110, 190], across: false },
} as const;
export type TinyClass = keyof typeof LOOKS;

/** What is drawn onto a product: a defect, a bright square in the middle; or a label, which good products may have, in a corner. */
type Mark = 'defect' | 'label';

/** 8-bit RGB of a striped product with noise of its own. */
function tinyProduct(kind: TinyClass, seed: number, mark?: Mark): Uint8Array {
  const { colour, across } = LOOKS[kind];
  let state = seed * 7919 + 17;
  const noise = () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state / 0x7fffffff - 0.5) * 16;
  };
  return Uint8Array.from({ length: PICTURE_SIZE * PICTURE_SIZE * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    const [row, column] = [Math.floor(pixel / PICTURE_SIZE), pixel % PICTURE_SIZE];
    if (mark === 'defect' && inSquare(row, column)) return 250;
    if (mark === 'label' && inLabel(row, column)) return LABEL[i % 3] as number;
    const stripe = Math.floor((across ? row : column) / 6) % 2 === 0 ? 1 : 0.6;
    return Math.max(0, Math.min(255, (colour[i % 3] as number) * stripe + noise()));
  });
}

const inSquare = (row: number, column: number) => row >= 14 && row < 26 && column >= 20 && column < 32;

const LABEL = [240, 235, 30];
const inLabel = (row: number, column: number) => row < 12 && column < 18;

/** Writes RGB or grey pixels of a tiny picture as PNG. */
async function writePicture(file: string, data: Uint8Array, channels: 1 | 3 = 3): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const raw = { width: PICTURE_SIZE, height: PICTURE_SIZE, channels };
  await writeFile(file, await sharp(data, { raw }).png().toBuffer());
}

/**
 * Writes a class in MVTec layout: `train` good images; three good ones, three defects with a mask, and one without, to test.
 * @returns the folder of its good training images
 */
export async function writeTinyClass(root: string, kind: TinyClass, train = 8, name: string = kind): Promise<string> {
  const folder = join(root, name);
  const good = join(folder, 'train', 'good');
  for (let i = 0; i < train; i++) await writePicture(join(good, `${i}.png`), tinyProduct(kind, i));
  const mask = Uint8Array.from({ length: PICTURE_SIZE ** 2 }, (_, i) =>
    inSquare(Math.floor(i / PICTURE_SIZE), i % PICTURE_SIZE) ? 255 : 0,
  );
  for (let i = 0; i < 4; i++) {
    if (i < 3) await writePicture(join(folder, 'test', 'good', `${i}.png`), tinyProduct(kind, 100 + i));
    await writePicture(join(folder, 'test', 'spot', `${i}.png`), tinyProduct(kind, 200 + i, 'defect'));
    if (i < 3) await writePicture(join(folder, 'ground_truth', 'spot', `${i}_mask.png`), mask, 1);
  }
  return good;
}

/** Writes products as an inbox receives pictures, all with a mark; they are named by their seeds. */
export async function writeFedBack(
  inbox: string,
  kind: TinyClass,
  mark: Mark,
  seeds: readonly number[],
  name: string = kind,
): Promise<void> {
  for (const seed of seeds)
    await writePicture(join(inbox, name, 'train', 'good', `${seed}.png`), tinyProduct(kind, seed, mark));
}
