import { basename, join } from 'node:path';
import { decodeImage } from '../decode.js';
import { decodeMask } from '../mask.js';
import type { TestImage } from '../product.js';
import { PUBLISHED } from '../published/table.js';
import { parseReference, partOf } from '../reference.js';
import { classesIn, defects, goods, testKinds } from './class-folders.js';
import { folders, images } from './files.js';
import type { ClassImages, Layout } from './layout.js';
import { read as readMvtec } from './mvtec.js';

const VIEWS = 5;
const CLASSES = PUBLISHED.find(({ name }) => name === 'MANTA')?.classes ?? {};

/**
 * MANTA's: `[<domain>/]<class>/{train/good,test-pixel/{good,<defect>,mask}}`, or as MVTec AD's. An image shows five views of a product side
 * by side; each view is an image here. A view of a defective product is good where its part of the mask is not marked.
 */
export const manta: Layout = {
  name: 'MANTA',
  recognise: (folder) =>
    classesIn(folder, { isClass, read, depth: 2, sign: 'five views side by side, as MANTA has them' }),
};

/**
 * MVTec AD's layout is MANTA's where the class is one of MANTA's and its images are as wide as five views.
 * @throws BeltsightError IMAGE_UNREADABLE, IMAGE_TOO_LARGE naming the image by which that would be seen
 */
async function isClass(folder: string): Promise<boolean> {
  const inside = await folders(folder);
  if (inside.includes('test-pixel')) return true;
  if (!inside.includes('train') || !Object.hasOwn(CLASSES, basename(folder))) return false;
  const [first] = await images(join(folder, 'train', 'good'));
  if (first === undefined) return false;
  const { width, height } = await decodeImage(first);
  return width === VIEWS * height;
}

async function read(folder: string): Promise<ClassImages> {
  const { train, test } = (await folders(folder)).includes('test-pixel')
    ? await readPixelTests(folder)
    : await readMvtec(folder);
  const seen: TestImage[] = [];
  for (const image of test) seen.push(...(await testViews(image)));
  return { train: train.flatMap(viewsOf), test: seen, productOf: (view) => parseReference(view).file };
}

async function readPixelTests(folder: string): Promise<ClassImages> {
  const tests = join(folder, 'test-pixel');
  const masks = join(tests, 'mask');
  const kinds = (await testKinds(tests, 'good')).filter((kind) => kind !== 'mask');
  const test = kinds.map((kind) =>
    kind === 'good' ? goods(join(tests, kind)) : defects(join(tests, kind), kind, masks),
  );
  return { train: await images(join(folder, 'train', 'good')), test: (await Promise.all(test)).flat() };
}

function viewsOf(file: string): string[] {
  const width = 100 / VIEWS;
  return Array.from({ length: VIEWS }, (_, view) => partOf(file, { x: view * width, y: 0, width, height: 100 }));
}

/** The views of a test image. Without a mask, nothing says which of them show the defect, and all count as defective. */
async function testViews({ file, defect, mask }: TestImage): Promise<TestImage[]> {
  const views = viewsOf(file);
  if (defect === undefined) return views.map((view) => ({ file: view }));
  if (typeof mask !== 'string') return views.map((view) => ({ file: view, defect }));
  const masks = viewsOf(mask);
  const { width, data } = await decodeMask(mask);
  const marked = new Set<number>();
  for (let i = 0; i < data.length; i++) {
    if (data[i] !== 0) marked.add(Math.floor((((i / 3) % width) * VIEWS) / width));
  }
  return views.map((view, i) => (marked.has(i) ? { file: view, defect, mask: masks[i] as string } : { file: view }));
}
