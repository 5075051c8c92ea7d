import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../testing/products.js';
import { findDataset, readDataset } from '../../dataset.js';
import { ImageLoader } from '../../loader.js';
import { decodeMask, type Mask } from '../../mask.js';
import { takeInventory } from '../../published/inventory.js';
import { empty, writeTree } from '../testing.js';

/** COCO's 80 categories have gaps in their numbers: here every third. */
const categories = Array.from({ length: 80 }, (_, i) => ({
  id: 3 * i + 1,
  name: `thing${i}`,
  supercategory: 'things',
}));
const [OF_SPLIT_0, OTHER_OF_SPLIT_0, OF_SPLIT_1] = [1, 3 * 19 + 1, 3 * 20 + 1];
const SQUARE = [1, 1, 3, 1, 3, 3, 1, 3];

const image = (id: number) => ({
  id,
  file_name: `${String(id).padStart(12, '0')}.jpg`,
  width: 6,
  height: 5,
  coco_url: 'http://images.cocodataset.org/',
});
const object = (id: number, image_id: number, category_id: number, segmentation: unknown = [SQUARE]) => ({
  segmentation,
  area: 4,
  iscrowd: Array.isArray(segmentation) ? 0 : 1,
  image_id,
  bbox: [1, 1, 2, 2],
  category_id,
  id,
});
/** The five lists in the order in which COCO has them: what the categories are comes last. */
const file = (images: object[], annotations: object[]) =>
  JSON.stringify({ info: { year: 2017 }, licenses: [], images, annotations, categories });

const TRAIN = file([1, 2, 3, 4].map(image), [
  object(1, 1, OF_SPLIT_0),
  object(2, 2, OF_SPLIT_1),
  object(3, 3, OF_SPLIT_1),
  object(4, 3, OF_SPLIT_0),
]);
/** Column by column, five pixels each: the last column is marked. */
const CROWD = { counts: [25, 5], size: [5, 6] };
const TEST = file([7, 6, 5, 8].map(image), [
  object(5, 5, OF_SPLIT_0),
  object(6, 5, OTHER_OF_SPLIT_0, CROWD),
  object(7, 6, OF_SPLIT_1),
  object(8, 7, OF_SPLIT_1),
  object(9, 7, OF_SPLIT_0),
]);

describe('COCO-AD', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const coco = async (name: string, test: string, train = TRAIN) => {
    const path = join(folder.path, name);
    await writeTree(path, {
      'annotations/instances_train2017.json': train,
      'annotations/instances_val2017.json': test,
      ...empty('train2017/000000000001.jpg', 'val2017/000000000005.jpg'),
    });
    return path;
  };
  const short = (path: string) => Number(/0*(\d+)\.jpg$/.exec(path)?.[1]);

  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(() => folder.dispose());

  it('trains a split on what holds none of its categories, and calls what holds one a defect', async () => {
    const path = await coco('coco', TEST);
    const split = async (name: string) => {
      const [found] = await readDataset([`${path}#${name}`]);
      return [found?.train.map(short), found?.test.map(({ file, defect }) => [short(file), defect])];
    };
    // Image 4 and 8 have no annotation.
    expect(await split('split0')).toEqual([
      [2],
      [
        [5, 'thing0+thing19'],
        [6, undefined],
        [7, 'thing0'],
      ],
    ]);
    expect(await split('split1')).toEqual([
      [1],
      [
        [5, undefined],
        [6, 'thing20'],
        [7, 'thing20'],
      ],
    ]);
    expect(await split('split3')).toEqual([
      [1, 2, 3],
      [
        [5, undefined],
        [6, undefined],
        [7, undefined],
      ],
    ]);
  });

  it('draws masks of the held-out objects alone: polygons with their border, crowds column by column', async () => {
    const path = await coco('masks', TEST);
    const rows = async (split: string, number: number) => {
      const [found] = await readDataset([`${path}#${split}`]);
      const mask = found?.test.find(({ file }) => short(file) === number)?.mask;
      if (mask === undefined) return undefined;
      const { width, height, data } = await decodeMask(mask);
      const marked = Array.from({ length: width * height }, (_, i) => (data[3 * i] === 255 ? '#' : '.')).join('');
      return Array.from({ length: height }, (_, y) => marked.slice(y * width, (y + 1) * width));
    };
    expect(await rows('split0', 5)).toEqual(['.....#', '.###.#', '.###.#', '.###.#', '.....#']);
    expect(await rows('split1', 6)).toEqual(['......', '.###..', '.###..', '.###..', '......']);
    expect(await rows('split1', 5)).toBeUndefined();
    const loader = new ImageLoader(30);
    const [found] = await readDataset([`${path}#split0`]);
    const loaded = await loader.loadMask(found?.test[0]?.mask as Mask);
    await loader.close();
    const columns = Array.from({ length: 30 }, (_, x) => loaded[x]);
    expect(columns.lastIndexOf(0)).toBe(24);
    expect(columns.indexOf(1)).toBe(25);
  });

  it('reads one split at a time, and shows all of them', async () => {
    const path = await coco('splits', TEST);
    await expect(readDataset([path])).rejects.toThrow(
      /holds split0, split1, split2, split3\. Each is an experiment of its own.*splits#split0\./,
    );
    expect(await findDataset(path)).toMatchObject({ layout: 'COCO-AD' });
    const { dataset, classes, total } = await takeInventory(path);
    expect([dataset?.name, total]).toEqual(['COCO-AD', undefined]);
    expect(classes.map(({ train, good, defects, masks }) => [train, good, defects, masks])).toEqual([
      [1, 1, 2, 2],
      [1, 1, 2, 2],
      [3, 3, 0, 0],
      [3, 3, 0, 0],
    ]);
  });

  it('names file and entry of what is wrong', async () => {
    const wrong = async (name: string, test: string, train?: string) =>
      readDataset([`${await coco(name, test, train)}#split0`]);
    await expect(wrong('a', file([image(1)], [object(1, 1, 1, 'polygon')]))).rejects.toMatchObject({
      code: 'DATASET_INVALID',
      message: expect.stringMatching(/instances_val2017\.json: annotations\.0\.segmentation: /),
    });
    await expect(wrong('b', TEST, TRAIN.slice(0, -40))).rejects.toThrow(/instances_train2017\.json: ends before/);
    await expect(wrong('c', TEST.replace('"images":[', '"images":[}'))).rejects.toThrow(
      /instances_val2017\.json: cannot be read: Unexpected/,
    );
    await expect(
      wrong('d', JSON.stringify({ images: [], annotations: [], categories: categories.slice(1) })),
    ).rejects.toThrow(/has 79 categories, not the 80/);
  });
});
