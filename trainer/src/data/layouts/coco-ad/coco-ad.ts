import { basename, join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import type { DrawnMask } from '../../mask.js';
import type { TestImage } from '../../product.js';
import { isFile } from '../files.js';
import type { ClassImages, Layout } from '../layout.js';
import { annotationSchema, type Instances, type Outlined, outlinedSchema, readInstances } from './instances.js';

const CATEGORIES = 80;
/** Categories that a split holds out. */
const HELD_OUT = 20;

/**
 * COCO-AD (Zhang et al., arXiv 2404.10760; data/gen_benchmark/coco.py of their repository): COCO 2017, of whose 80 categories each of four
 * splits holds out 20, in the order of their numbers. Training images without an object of those train; a validation image with one is a
 * defect, its mask the outlines of those objects. Images without any annotation are left out. All four have one class each, and what is
 * normal in one is a defect in another.
 */
export const cocoAd: Layout = {
  name: 'COCO-AD',
  async recognise(folder) {
    const file = (part: string) => join(folder, 'annotations', `instances_${part}2017.json`);
    if (!(await isFile(file('val')))) return undefined;
    const content = once(() => readContent(folder, file('train'), file('val')));
    return {
      name: basename(folder),
      alternatives: true,
      classes: Array.from({ length: CATEGORIES / HELD_OUT }, (_, split) => ({
        name: `split${split}`,
        folder,
        read: async () => imagesOf(await content(), split),
      })),
    };
  },
};

/** An annotated image with its objects. */
interface Scene<T> {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly objects: readonly T[];
}

interface Content {
  /** Numbers of the categories, ascending, with their names. */
  readonly categories: readonly (readonly [id: number, name: string])[];
  /** Objects as numbers of their categories. */
  readonly train: readonly Scene<number>[];
  readonly test: readonly Scene<Outlined>[];
}

/** All four splits come from the same files: read once. */
function once<T>(read: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= read();
    return result;
  };
}

async function readContent(folder: string, trainFile: string, testFile: string): Promise<Content> {
  const outlined = new Map<number, Outlined[]>();
  const test = await readInstances(testFile, outlinedSchema, (annotation) =>
    add(outlined, annotation.image_id, annotation),
  );
  const present = new Map<number, number[]>();
  const train = await readInstances(trainFile, annotationSchema, ({ image_id, category_id }) => {
    if (!present.get(image_id)?.includes(category_id)) add(present, image_id, category_id);
  });
  const categories = [...test.categories].sort(([a], [b]) => a - b);
  if (categories.length !== CATEGORIES) {
    throw new BeltsightError(
      'DATASET_INVALID',
      `${testFile} has ${categories.length} categories, not the ${CATEGORIES} of COCO 2017, of which COCO-AD's splits are made.`,
    );
  }
  return {
    categories,
    train: scenes(train, present, join(folder, 'train2017')),
    test: scenes(test, outlined, join(folder, 'val2017')),
  };
}

function add<T>(lists: Map<number, T[]>, key: number, value: T): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

function scenes<T>({ images }: Instances, objects: ReadonlyMap<number, T[]>, folder: string): Scene<T>[] {
  const annotated = [...images.values()].flatMap(({ id, file_name, width, height }) => {
    const here = objects.get(id);
    return here === undefined ? [] : [{ file: join(folder, file_name), width, height, objects: here }];
  });
  return annotated.sort((a, b) => (a.file < b.file ? -1 : 1));
}

function imagesOf({ categories, train, test }: Content, split: number): ClassImages {
  const heldOut = new Map(categories.slice(split * HELD_OUT, (split + 1) * HELD_OUT));
  return {
    train: train.filter(({ objects }) => !objects.some((category) => heldOut.has(category))).map(({ file }) => file),
    test: test.map(({ file, width, height, objects }): TestImage => {
      const strange = objects.filter(({ category_id }) => heldOut.has(category_id));
      if (strange.length === 0) return { file };
      const names = new Set(strange.map(({ category_id }) => heldOut.get(category_id) as string));
      return { file, defect: [...names].sort().join('+'), mask: maskOf(strange, width, height) };
    }),
  };
}

function maskOf(objects: readonly Outlined[], width: number, height: number): DrawnMask {
  const outlines = objects.map(({ segmentation }) => segmentation);
  return {
    width,
    height,
    polygons: outlines.flatMap((outline) => (Array.isArray(outline) ? outline : [])),
    runs: outlines.flatMap((outline) => (Array.isArray(outline) ? [] : [outline.counts])),
  };
}
