import { join } from 'node:path';
import { classesIn, defects, goods, looksLikeClass, testKinds } from './class-folders.js';
import { images } from './files.js';
import type { ClassImages, Layout } from './layout.js';

/** MVTec AD's: `<class>/{train/good,test/{good,<defect>},ground_truth/<defect>}`; masks `<name>_mask.png`. */
export const mvtec: Layout = {
  name: 'MVTec AD',
  recognise: (folder) => classesIn(folder, { isClass: looksLikeClass, read }),
};

/** Images of a class folder in MVTec AD's layout. */
export async function read(folder: string): Promise<ClassImages> {
  const test = (await testKinds(join(folder, 'test'), 'good')).map((kind) => {
    const path = join(folder, 'test', kind);
    return kind === 'good' ? goods(path) : defects(path, kind, join(folder, 'ground_truth', kind));
  });
  return { train: await images(join(folder, 'train', 'good')), test: (await Promise.all(test)).flat() };
}
