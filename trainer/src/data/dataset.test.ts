import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, writeTinyClass } from '../testing/products.js';
import { readDataset, readKnown, requireTraining } from './dataset.js';

describe('a data set', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const path = (...parts: string[]) => join(folder.path, ...parts);

  beforeAll(async () => {
    folder = await temporaryFolder();
    await writeTinyClass(path('north'), 'bolt', 2);
    await writeTinyClass(path('north'), 'plate', 2);
    await writeTinyClass(path('south'), 'bolt', 2);
  });
  afterAll(() => folder.dispose());

  it('has classes with images to train on and to test, and masks where there are some', async () => {
    const [bolt] = await readDataset([path('north')]);
    expect(bolt?.train).toEqual([0, 1].map((i) => path('north', 'bolt', 'train', 'good', `${i}.png`)));
    expect(bolt?.test.filter(({ defect }) => defect === undefined)).toHaveLength(3);
    const masks = bolt?.test.filter(({ defect }) => defect === 'spot').map(({ mask }) => mask !== undefined);
    expect(masks).toEqual([true, true, true, false]);
  });

  it('calls classes of one name in several folders by their data set', async () => {
    const classes = await readDataset([path('north'), path('south')]);
    expect(classes.map(({ name }) => name)).toEqual(['north/bolt', 'plate', 'south/bolt']);
  });

  it('has the names that a model of several data sets gave its classes, in a folder on its own, too', async () => {
    const namesOf = async (data: string[], known: string[]) =>
      (
        await readKnown(
          data.map((name) => path(name)),
          known,
        )
      ).map(({ name }) => name);
    const both = ['north/bolt', 'plate', 'south/bolt'];
    expect(await namesOf(['north', 'south'], both)).toEqual(both);
    expect(await namesOf(['south'], both)).toEqual(['south/bolt']);
    expect(await namesOf(['north/bolt'], both)).toEqual(['north/bolt']);
    expect(await namesOf(['north', 'south'], ['bolt', 'plate'])).toEqual(both);
    await writeTinyClass(path('inbox'), 'bolt', 2);
    expect(await namesOf(['inbox'], ['plate', 'south/bolt'])).toEqual(['south/bolt']);
    expect(await namesOf(['inbox'], ['plate'])).toEqual(['bolt']);
    await expect(namesOf(['inbox'], both)).rejects.toMatchObject({
      code: 'DATASET_INVALID',
      message: expect.stringMatching(/inbox.bolt may be north\/bolt or south\/bolt of the model/),
    });
  });

  it('may be the folder of one class', async () => {
    expect((await readDataset([path('north', 'plate')])).map(({ name }) => name)).toEqual(['plate']);
  });

  it('names a class folder without images of good products', async () => {
    await mkdir(path('hollow', 'nut', 'train', 'good'), { recursive: true });
    const classes = await readDataset([path('hollow')]);
    expect(() => requireTraining(classes)).toThrow(
      /No images of good products to train on in nut \(.*hollow.nut\): put some there, or leave the class out/,
    );
  });

  it('must have a class to train on', () => {
    expect(() => requireTraining([])).toThrow(/The data has no class to train on/);
  });

  it('names a folder without classes, a file in place of a folder, and one that is not there', async () => {
    await mkdir(path('bare'));
    await expect(readDataset([path('bare')])).rejects.toMatchObject({ code: 'DATASET_INVALID' });
    await writeFile(path('list.txt'), '');
    await expect(readDataset([path('list.txt')])).rejects.toThrow(/list\.txt is a file, not a folder/);
    await expect(readDataset([path('absent')])).rejects.toMatchObject({ code: 'DATASET_NOT_FOUND' });
  });

  it('says how to convert images of a format it does not read', async () => {
    await mkdir(path('camera', 'nut', 'train', 'good'), { recursive: true });
    for (const suffix of ['heic', 'heif', 'jxl', 'pnm', 'pbm', 'cr2', 'nef', 'arw']) {
      const file = path('camera', 'nut', 'train', 'good', `1.${suffix}`);
      await writeFile(file, '');
      await expect(readDataset([path('camera')])).rejects.toThrow(
        `1.${suffix} is of a format that is not read: convert it`,
      );
      await rm(file);
    }
  });
});
