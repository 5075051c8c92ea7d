import { basename, join, resolve } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import type { TestImage } from '../product.js';
import { folders, images, stem } from './files.js';
import type { ClassImages, FoundDataset } from './layout.js';

/**
 * The data set whose classes are folders: `folder` itself if it is one, otherwise those below it.
 * @param depth how far below they may be
 * @returns undefined if there are none
 * @throws BeltsightError DATASET_INVALID if classes of another layout lie beside them: they would be left out in silence
 */
export async function classesIn(
  folder: string,
  isClass: (folder: string) => Promise<boolean>,
  read: (folder: string) => Promise<ClassImages>,
  depth = 1,
): Promise<FoundDataset | undefined> {
  const found = await classFolders(folder, isClass, depth);
  if (found.length === 0) return undefined;
  if (found[0] !== folder) await requireAlike(folder, found);
  return {
    name: basename(found[0] === folder ? resolve(folder, '..') : folder),
    classes: found.map((path) => ({ name: basename(path), folder: path, read: () => read(path) })),
  };
}

async function classFolders(
  folder: string,
  isClass: (folder: string) => Promise<boolean>,
  depth: number,
): Promise<string[]> {
  if (await isClass(folder)) return [folder];
  if (depth === 0) return [];
  const below = (await folders(folder)).map((name) => classFolders(join(folder, name), isClass, depth - 1));
  return (await Promise.all(below)).flat();
}

/** Whether a folder is laid out as a class in one layout or another. */
export async function looksLikeClass(folder: string): Promise<boolean> {
  const inside = await folders(folder);
  return inside.includes('train') || inside.includes('test');
}

async function requireAlike(folder: string, found: readonly string[]): Promise<void> {
  const beside = (await folders(folder)).map((name) => join(folder, name)).filter((path) => !found.includes(path));
  const others: string[] = [];
  for (const path of beside) if (await looksLikeClass(path)) others.push(path);
  if (others.length === 0) return;
  const names = (paths: readonly string[]) => paths.map((path) => basename(path)).join(', ');
  throw new BeltsightError(
    'DATASET_INVALID',
    `${folder} holds classes in more than one layout: ${names(found)} in one, ${names(others)} in another. Lay them out alike (<class>/train/good, <class>/test/{good,<defect>}), or put each kind into a folder of its own and name both with --data.`,
  );
}

/** The defects in a folder, each with the mask that has its name (with or without `_mask`), if there is one. */
export async function defects(folder: string, defect: string, maskFolder: string): Promise<TestImage[]> {
  const masks = new Map((await images(maskFolder)).map((mask) => [stem(mask).replace(/_mask$/, ''), mask]));
  return (await images(folder)).map((file) => {
    const mask = masks.get(stem(file));
    return { file, defect, ...(mask === undefined ? {} : { mask }) };
  });
}

/** The images in a folder as good products. */
export async function goods(folder: string): Promise<TestImage[]> {
  return (await images(folder)).map((file) => ({ file }));
}
