import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../testing/products.js';
import { dataDigest } from '../../train/data.js';
import { findDataset, readDataset } from '../dataset.js';
import { ImageLoader } from '../loader.js';
import type { ProductClass } from '../product.js';
import { empty, writeTree } from './testing.js';

const SIDE = 32;
const VIEWS = [0, 1, 2, 3, 4];

/** Five views side by side, each of one grey. */
const strip = (...greys: number[]) =>
  sharp(
    Uint8Array.from({ length: 5 * SIDE * SIDE }, (_, i) => greys[Math.floor((i % (5 * SIDE)) / SIDE)] ?? 0),
    { raw: { width: 5 * SIDE, height: SIDE, channels: 1 } },
  )
    .png()
    .toBuffer();

describe('MANTA', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const path = (...parts: string[]) => join(folder.path, ...parts);
  const view = (file: string, i: number) => `${file}#xywh=percent:${20 * i},0,20,100`;

  beforeAll(async () => {
    folder = await temporaryFolder();
    const image = await strip(10, 20, 30, 40, 50);
    const mask = await strip(0, 255, 0, 0, 1);
    await writeTree(path('MANTA'), {
      'maize/train/good/0001.png': image,
      'maize/test-pixel/good/0002.png': image,
      'maize/test-pixel/mildewed/0003.png': image,
      'maize/test-pixel/mildewed/0004.png': image,
      'maize/test-pixel/mask/0003.png': mask,
    });
    await writeTree(path('MANTA-Tiny'), {
      'medicine/capsule/train/good/0001.png': image,
      'medicine/capsule/test/good/0002.png': image,
      'medicine/capsule/test/anomaly/0003.png': image,
      'medicine/capsule/ground_truth/anomaly/0003.png': mask,
    });
  });
  afterAll(() => folder.dispose());

  const expectViews = (found: ProductClass | undefined, tests: string, kind: string, mask: string) => {
    const { train, test } = found as ProductClass;
    expect(train).toEqual(VIEWS.map((i) => view(join(found?.folder as string, 'train/good/0001.png'), i)));
    const goods = test.filter(({ defect }) => defect === undefined).map(({ file }) => file);
    const bad = join(tests, kind, '0003.png');
    expect(goods).toEqual(
      expect.arrayContaining([
        ...VIEWS.map((i) => view(join(tests, 'good', '0002.png'), i)),
        ...[0, 2, 3].map((i) => view(bad, i)),
      ]),
    );
    expect(goods).toHaveLength(8);
    expect(test.filter((each) => each.mask !== undefined)).toEqual(
      [1, 4].map((i) => ({ file: view(bad, i), defect: kind, mask: view(mask, i) })),
    );
  };

  it('takes each view as an image; one in which a defect is not marked is good', async () => {
    const [maize] = await readDataset([path('MANTA')]);
    const tests = path('MANTA', 'maize', 'test-pixel');
    expectViews(maize, tests, 'mildewed', join(tests, 'mask', '0003.png'));
    const unmarked = maize?.test.filter(({ defect, mask }) => defect !== undefined && mask === undefined);
    expect(unmarked?.map(({ file }) => file)).toEqual(VIEWS.map((i) => view(join(tests, 'mildewed', '0004.png'), i)));
  });

  it('is told from MVTec AD in its layout by name and width, below folders of domains too', async () => {
    expect(await findDataset(path('MANTA-Tiny'))).toMatchObject({ layout: 'MANTA', name: 'MANTA-Tiny' });
    const [capsule] = await readDataset([path('MANTA-Tiny', 'medicine')]);
    const { folder: place } = capsule as ProductClass;
    expectViews(capsule, join(place, 'test'), 'anomaly', join(place, 'ground_truth', 'anomaly', '0003.png'));
    await writeTree(path('mvtec'), { 'capsule/train/good/1.png': await strip(1), ...empty('capsule/test/good/1.png') });
    await sharp(await strip(1))
      .resize(SIDE, SIDE)
      .toFile(path('mvtec', 'capsule', 'train', 'good', '0.png'));
    expect(await findDataset(path('mvtec'))).toMatchObject({ layout: 'MVTec AD' });
  });

  it('refuses classes of other images beside those of five views, at the depth of the classes', async () => {
    const [five, one] = [
      await strip(1, 2, 3, 4, 5),
      await sharp(await strip(1))
        .resize(SIDE, SIDE)
        .png()
        .toBuffer(),
    ];
    await writeTree(path('some'), {
      'medicine/capsule/train/good/1.png': five,
      'medicine/mypill/train/good/1.png': one,
      'medicine/white_tablet/train/good/1.png': one,
      'seeds/wheat/train/good/1.png': one,
    });
    await expect(findDataset(path('some'))).rejects.toMatchObject({
      code: 'DATASET_INVALID',
      message: expect.stringMatching(
        /medicine.capsule in one \(five views .*MANTA.*\), medicine.mypill, medicine.white_tablet, seeds.wheat in another/,
      ),
    });
    await expect(findDataset(path('some', 'medicine'))).rejects.toThrow(/capsule in one .*, mypill, white_tablet in/);
  });

  it('names a damaged image that would tell whether a class is one of five views', async () => {
    const whole = await strip(1, 2, 3, 4, 5);
    await writeTree(path('damaged'), {
      'medicine/capsule/train/good/1.png': whole,
      'medicine/red_tablet/train/good/1.png': whole.subarray(0, 20),
    });
    await expect(findDataset(path('damaged'))).rejects.toMatchObject({
      code: 'IMAGE_UNREADABLE',
      message: expect.stringMatching(/red_tablet.train.good.1\.png cannot be decoded/),
    });
  });

  it('takes views by small numbers in masks of 16 bits', async () => {
    const data = Uint16Array.from({ length: 5 * SIDE * SIDE }, (_, i) => (i % (5 * SIDE) < SIDE ? 3 : 0));
    const raw = { width: 5 * SIDE, height: SIDE, channels: 1 } as const;
    const mask = await sharp(data, { raw: { ...raw, depth: 'ushort' } as never })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    const image = await strip(1, 2, 3, 4, 5);
    await writeTree(path('deep'), {
      'maize/train/good/1.png': image,
      'maize/test-pixel/mildewed/2.png': image,
      'maize/test-pixel/mask/2.png': mask,
    });
    const [maize] = await readDataset([path('deep')]);
    expect(maize?.test.map(({ defect }) => defect)).toEqual(['mildewed', undefined, undefined, undefined, undefined]);
  });

  it('shows a model one view, and its part of the mask', async () => {
    const [maize] = await readDataset([path('MANTA')]);
    const loader = new ImageLoader(SIDE);
    const greys = await Promise.all(maize?.train.map(async (each) => (await loader.load(each))[5]) ?? []);
    expect(greys).toEqual([10, 20, 30, 40, 50]);
    const marked = maize?.test.find(({ mask }) => mask !== undefined);
    const mask = await loader.loadMask(marked?.mask as string);
    expect([mask.length, mask.every((value) => value === 1)]).toEqual([SIDE * SIDE, true]);
    await loader.close();
  });

  it('makes a run notice that an image changed of which it takes parts', async () => {
    const [maize] = await readDataset([path('MANTA')]);
    const feedback = { train: [], heldOut: [], test: [] };
    const digest = () =>
      dataDigest([{ name: 'maize', folder: '', train: [...(maize?.train ?? [])], heldOut: [], feedback }]);
    const before = await digest();
    expect(await digest()).toBe(before);
    await appendFile(path('MANTA', 'maize', 'train', 'good', '0001.png'), ' ');
    expect(await digest()).not.toBe(before);
  });
});
