import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { classesIn, defects, goods, testKinds } from './class-folders.js';
import { folders, images } from './files.js';
import type { ClassImages, Layout } from './layout.js';

/**
 * BTAD's: `{01,02,03}/{train/ok,test/{ok,ko},ground_truth/ko}`; images and masks are PNG or BMP. Own data in its layout may have kinds of
 * defects of other names than `ko`.
 */
export const btad: Layout = { name: 'BTAD', recognise: (folder) => classesIn(folder, { isClass, read }) };

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
  const tests = join(folder, 'test');
  const kinds = (await testKinds(tests, 'ok')).filter((kind) => kind !== 'ok');
  const defective = kinds.map((kind) => defects(join(tests, kind), kind, join(folder, 'ground_truth', kind)));
  const test = await Promise.all([goods(join(tests, 'ok')), ...defective]);
  return { train: await images(join(folder, 'train', 'ok')), test: test.flat() };
}
