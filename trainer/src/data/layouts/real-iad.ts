import { basename, dirname, join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { z } from 'zod';
import { withoutClasses } from '../published/missing.js';
import { files, folders, isDirectory, stem } from './files.js';
import { readJson } from './json-file.js';
import type { ClassImages, Layout } from './layout.js';

/** What good images are called, and the folder in which a class has them. */
const GOOD = 'OK';
/** The folder in which a class has products with a defect. */
const DEFECTIVE = 'NG';

const imageSchema = z.object({
  image_path: z.string().min(1),
  /** Only of defects. */
  mask_path: z.string().nullish(),
  anomaly_class: z.string().min(1),
});
const classSchema = z.object({
  train: z.array(imageSchema.extend({ anomaly_class: z.literal(GOOD, 'an image of a defect does not train') })),
  test: z.array(imageSchema),
});

/**
 * Real-IAD's: `<class>.json` lists what trains and tests, an image for each of five views of a product; a view in which a defect is not
 * seen is listed as good. Images lie in a folder beside it that has the name of the class, or, as the archives unpack, lists in
 * `realiad_jsons` and images in `realiad_{256,512,1024,raw}`.
 */
export const realIad: Layout = {
  name: 'Real-IAD',
  async recognise(folder) {
    const place = await listsAndImages(folder);
    if (place === undefined) return undefined;
    const { lists, images } = place;
    const names = await classesIn(lists, images);
    await requireLists(lists, images, names);
    if (names.length === 0) throw await withoutClasses(images);
    return {
      name: basename(folder),
      classes: names.map((name) => ({
        name,
        folder: join(images, name),
        read: () => imagesOf(join(lists, `${name}.json`), join(images, name)),
      })),
    };
  },
};

/** Where the lists are and where the images are; undefined if these are none of Real-IAD's. */
async function listsAndImages(folder: string): Promise<{ lists: string; images: string } | undefined> {
  if ((await classesIn(folder, folder)).length > 0) return { lists: folder, images: folder };
  const isResolution = (name: string) => /^realiad_(\d+|raw)$/.test(name);
  if (isResolution(basename(folder))) {
    const lists = await listsIn(dirname(folder));
    return lists === undefined ? undefined : { lists, images: folder };
  }
  const lists = await listsIn(folder);
  const resolutions = (await folders(folder)).filter(isResolution);
  if (lists === undefined || resolutions.length === 0) return undefined;
  if (resolutions.length === 1) return { lists, images: join(folder, resolutions[0] as string) };
  throw new BeltsightError(
    'DATASET_INVALID',
    `${folder} holds the images in several sizes (${resolutions.join(', ')}): name one, for example ${join(folder, resolutions[0] as string)}.`,
  );
}

/** `realiad_jsons`, in which the archive has a folder of the same name. */
async function listsIn(folder: string): Promise<string | undefined> {
  const outer = join(folder, 'realiad_jsons');
  for (const lists of [join(outer, 'realiad_jsons'), outer]) if (await isDirectory(lists)) return lists;
  return undefined;
}

/** Classes that have a list and a folder with images. Lists alone are none: often some classes are unpacked, but all lists. */
async function classesIn(lists: string, images: string): Promise<string[]> {
  const listed = new Set((await files(lists)).filter((name) => name.endsWith('.json')).map(stem));
  return (await folders(images)).filter((name) => listed.has(name));
}

/** @throws BeltsightError DATASET_INVALID naming a folder with the images of a class that has no list: it would be left out in silence */
async function requireLists(lists: string, images: string, classes: readonly string[]): Promise<void> {
  for (const name of (await folders(images)).filter((each) => !classes.includes(each))) {
    const folder = join(images, name);
    const inside = await folders(folder);
    if (!inside.includes(GOOD) && !inside.includes(DEFECTIVE)) continue;
    throw new BeltsightError(
      'DATASET_INVALID',
      `${folder} has no list of which images train and test: put ${join(lists, `${name}.json`)} there, or the folder to another place.`,
    );
  }
}

async function imagesOf(list: string, folder: string): Promise<ClassImages> {
  const { train, test } = await readJson(list, classSchema);
  return {
    train: train.map(({ image_path }) => join(folder, image_path)),
    productOf: dirname,
    test: test.map(({ image_path, mask_path, anomaly_class }) => ({
      file: join(folder, image_path),
      ...(anomaly_class === GOOD ? {} : { defect: anomaly_class }),
      ...(anomaly_class === GOOD || !mask_path ? {} : { mask: join(folder, mask_path) }),
    })),
  };
}
