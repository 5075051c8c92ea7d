import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { classesIn, defects, goods } from './class-folders.js';
import { folders, images } from './files.js';
import type { ClassImages, Layout } from './layout.js';

/** BTAD's: `{01,02,03}/{train/ok,test/{ok,ko},ground_truth/ko}`; images and masks are PNG or BMP. */
export const btad: Layout = { name: 'BTAD', recognise: (folder) => classesIn(folder, isClass, read) };

async function isClass(folder: string): Promise<boolean> {
  return (await kindsIn(folder)).includes('ok');
}

async function kindsIn(folder: string): Promise<string[]> {
  return (await Promise.all(['train', 'test'].map((part) => folders(join(folder, part))))).flat();
}

async function read(folder: string): Promise<ClassImages> {
  if ((await kindsIn(folder)).includes('good')) {
    throw new BeltsightError(
      'DATASET_INVALID',
      `${folder} calls good products both "good" and "ok": give the folders of good products in train and test one name, "good".`,
    );
  }
  const good = await goods(join(folder, 'test', 'ok'));
  const defect = await defects(join(folder, 'test', 'ko'), 'ko', join(folder, 'ground_truth', 'ko'));
  return { train: await images(join(folder, 'train', 'ok')), test: [...good, ...defect] };
}
