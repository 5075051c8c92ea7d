import { join } from 'node:path';
import { classesIn, defects, goods, testKinds } from './class-folders.js';
import { folders, images } from './files.js';
import type { ClassImages, Layout } from './layout.js';

/**
 * MVTec 3D-AD's: `<class>/{train,validation,test}/<kind>/{rgb,gt,xyz}`; colour images alone, depth (`xyz`) is not read. Its images for
 * validation train with the others: good ones are held out of all of them.
 */
export const mvtec3d: Layout = { name: 'MVTec 3D-AD', recognise: (folder) => classesIn(folder, { isClass, read }) };

async function isClass(folder: string): Promise<boolean> {
  const parts = ['train', 'test'].map(async (part) => folders(join(folder, part, 'good')));
  return (await Promise.all(parts)).some((inside) => inside.includes('rgb'));
}

async function read(folder: string): Promise<ClassImages> {
  const train = ['train', 'validation'].map((part) => images(join(folder, part, 'good', 'rgb')));
  const test = (await testKinds(join(folder, 'test'), 'good')).map((kind) => {
    const path = join(folder, 'test', kind);
    return kind === 'good' ? goods(join(path, 'rgb')) : defects(join(path, 'rgb'), kind, join(path, 'gt'));
  });
  return { train: (await Promise.all(train)).flat(), test: (await Promise.all(test)).flat() };
}
