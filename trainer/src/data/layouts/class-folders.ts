import { basename, join, relative, resolve } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import type { TestImage } from '../product.js';
import { folders, images, masks, stem } from './files.js';
import type { ClassImages, FoundDataset } from './layout.js';

/** What good products are called, here or there. */
const GOOD = /^(good|ok|normal)$/i;

/** How a layout knows the folder of a class, and reads it. */
interface ClassFolders {
  isClass(folder: string): Promise<boolean>;
  read(folder: string): Promise<ClassImages>;
  /** How far below the data folder classes may be; default: 1. */
  readonly depth?: number;
  /** What tells its classes from others, where the names of folders do not. */
  readonly sign?: string;
}

/**
 * The data set whose classes are folders: `folder` itself if it is one, otherwise those below it.
 * @returns undefined if there are none
 * @throws BeltsightError DATASET_INVALID if classes of another layout lie beside them: they would be left out in silence
 */
export async function classesIn(
  folder: string,
  { isClass, read, depth = 1, sign }: ClassFolders,
): Promise<FoundDataset | undefined> {
  const single = await isClass(folder);
  const found = single ? [folder] : await classesBelow(folder, isClass, depth);
  if (found.length === 0) return undefined;
  if (!single) await requireAlike(folder, found, depth, sign);
  return {
    name: basename(single ? resolve(folder, '..') : folder),
    classes: found.map((path) => ({ name: basename(path), folder: path, read: () => read(path) })),
  };
}

async function classesBelow(folder: string, isClass: ClassFolders['isClass'], depth: number): Promise<string[]> {
  if (depth === 0) return [];
  const below = (await folders(folder)).map(async (name) => {
    const path = join(folder, name);
    return (await isClass(path)) ? [path] : classesBelow(path, isClass, depth - 1);
  });
  return (await Promise.all(below)).flat();
}

/** Whether a folder is laid out as a class in one layout or another. */
export async function looksLikeClass(folder: string): Promise<boolean> {
  const inside = await folders(folder);
  return inside.includes('train') || inside.includes('test');
}

async function requireAlike(folder: string, found: readonly string[], depth: number, sign?: string): Promise<void> {
  const others = (await classesBelow(folder, looksLikeClass, depth)).filter((path) => !found.includes(path));
  if (others.length === 0) return;
  const names = (paths: readonly string[]) => paths.map((path) => relative(folder, path)).join(', ');
  throw new BeltsightError(
    'DATASET_INVALID',
    `${folder} holds classes in more than one layout: ${names(found)} in one${sign === undefined ? '' : ` (${sign})`}, ${names(others)} in another. Lay them out alike (<class>/train/good, <class>/test/{good,<defect>}), or put each kind into a folder of its own and name both with --data.`,
  );
}

/**
 * The folders of test images of a class, by kind of product.
 * @param good what the layout calls good products
 * @throws BeltsightError DATASET_INVALID if good products have another name: their images would count as defects
 */
export async function testKinds(folder: string, good: string): Promise<string[]> {
  const kinds = await folders(folder);
  const other = kinds.find((kind) => kind !== good && GOOD.test(kind));
  if (other === undefined) return kinds;
  throw new BeltsightError(
    'DATASET_INVALID',
    `${join(folder, other)} holds good products by its name, but would be read as a kind of defect: give the folders of good products in train and test one name, "${good}".`,
  );
}

/** The defects in a folder, each with the mask that has its name (with or without `_mask`), if there is one. */
export async function defects(folder: string, defect: string, maskFolder: string): Promise<TestImage[]> {
  const byName = new Map((await masks(maskFolder)).map((mask) => [stem(mask).replace(/_mask$/, ''), mask]));
  return (await images(folder)).map((file) => {
    const mask = byName.get(stem(file));
    return { file, defect, ...(mask === undefined ? {} : { mask }) };
  });
}

/** The images in a folder as good products. */
export async function goods(folder: string): Promise<TestImage[]> {
  return (await images(folder)).map((file) => ({ file }));
}
