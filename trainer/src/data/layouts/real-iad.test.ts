import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../testing/products.js';
import { findDataset, readDataset } from '../dataset.js';
import { takeInventory } from '../published/inventory.js';
import { empty, inShort, writeTree } from './testing.js';

/** A list as it is published: five consecutive entries are the views of one product. */
const LIST = {
  meta: { normal_class: 'OK', prefix: 'audiojack/' },
  train: [1, 2, 3, 4, 5].map((view) => entry('OK', `OK/S0001/audiojack_0001_OK_C${view}_20231021.jpg`)),
  test: [
    entry('OK', 'OK/S0002/audiojack_0002_OK_C1_20231021.jpg'),
    entry('AK', 'NG/AK/S0003/audiojack_0003_NG_AK_C1_2023.jpg', 'NG/AK/S0003/audiojack_0003_NG_AK_C1_2023.png'),
    entry('OK', 'NG/AK/S0003/audiojack_0003_OK_C2_2023.jpg'),
  ],
};

function entry(anomaly_class: string, image_path: string, mask_path: string | null = null) {
  return { category: 'audiojack', anomaly_class, image_path, mask_path };
}

describe('Real-IAD', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const path = (...parts: string[]) => join(folder.path, ...parts);
  const images = empty(...[...LIST.train, ...LIST.test].map(({ image_path }) => `audiojack/${image_path}`));

  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(() => folder.dispose());

  it('trains and tests as its lists say; a view in which a defect is not seen is good', async () => {
    await writeTree(path('realiad'), { ...images, 'audiojack.json': JSON.stringify(LIST) });
    const [audiojack, ...others] = await readDataset([path('realiad')]);
    expect(others).toEqual([]);
    expect(new Set(audiojack?.train.map((view) => audiojack.productOf?.(view))).size).toBe(1);
    expect(audiojack && inShort(path('realiad', 'audiojack'), audiojack)).toEqual({
      name: 'audiojack',
      train: LIST.train.map(({ image_path }) => image_path),
      test: [
        LIST.test[0]?.image_path,
        `${LIST.test[1]?.image_path}: AK, ${LIST.test[1]?.mask_path}`,
        LIST.test[2]?.image_path,
      ],
    });
    expect(await findDataset(path('realiad'))).toMatchObject({ layout: 'Real-IAD' });
    const { dataset, classes } = await takeInventory(path('realiad'));
    expect([dataset?.name, classes[0]?.train, classes[0]?.missing]).toEqual(['Real-IAD', 5, 1]);
  });

  it('finds lists and images as the archives unpack, and asks which size where there are several', async () => {
    const root = path('Real-IAD');
    await writeTree(join(root, 'realiad_256'), images);
    await writeTree(root, { 'realiad_jsons/realiad_jsons/audiojack.json': JSON.stringify(LIST) });
    const train = async (data: string) => (await readDataset([data]))[0]?.train[0];
    const first = join(root, 'realiad_256', 'audiojack', LIST.train[0]?.image_path as string);
    expect(await train(root)).toBe(first);
    expect(await train(join(root, 'realiad_256'))).toBe(first);
    await writeTree(join(root, 'realiad_1024'), images);
    await expect(train(root)).rejects.toThrow(/several sizes \(realiad_1024, realiad_256\): name one, for example/);
    expect(await train(join(root, 'realiad_256'))).toBe(first);
  });

  it('says that archives, one a class, are to be unpacked, and names the official page', async () => {
    const root = path('archives');
    await writeTree(root, {
      ...empty('realiad_1024/audiojack.zip', 'realiad_1024/bottle_cap.zip'),
      'realiad_jsons/audiojack.json': JSON.stringify(LIST),
      'realiad_jsons/bottle_cap.json': JSON.stringify(LIST),
    });
    for (const read of [() => readDataset([root]), () => takeInventory(join(root, 'realiad_1024'))]) {
      await expect(read()).rejects.toMatchObject({
        code: 'DATASET_INVALID',
        message: expect.stringMatching(
          /realiad_1024 holds no class: the archives in it \(audiojack\.zip\) are not unpacked.*https:\/\/realiad4ad/,
        ),
      });
    }
    await writeTree(path('nothing'), { 'realiad_raw/readme.txt': '', 'realiad_jsons/audiojack.json': '' });
    await expect(readDataset([path('nothing')])).rejects.toThrow(
      /realiad_raw holds no class: no class has a folder of images and a list of them\. Real-IAD is to be had at https:/,
    );
    // Some unpacked, as people do where space is short: those are read.
    await writeTree(join(root, 'realiad_1024'), images);
    expect((await readDataset([root])).map(({ name }) => name)).toEqual(['audiojack']);
  });

  it('names a class that has images and no list, in both layouts', async () => {
    const strange = empty('toy/OK/S0001/toy_0001_OK_C1_2023.jpg', 'notes/today/page.png');
    await writeTree(path('beside'), { ...images, ...strange, 'audiojack.json': JSON.stringify(LIST) });
    await expect(findDataset(path('beside'))).rejects.toMatchObject({
      code: 'DATASET_INVALID',
      message: expect.stringMatching(/beside.toy has no list of which images train and test: put \S+beside.toy\.json/),
    });
    await writeTree(join(path('apart'), 'realiad_512'), { ...images, ...empty('toy/NG/AK/S0001/1.jpg') });
    await writeTree(path('apart'), { 'realiad_jsons/audiojack.json': JSON.stringify(LIST) });
    await expect(findDataset(path('apart'))).rejects.toThrow(/realiad_512.toy has no list.*realiad_jsons.toy\.json/);
  });

  it('names file and line of what is wrong in a list', async () => {
    const wrong = async (name: string, list: string) => {
      await writeTree(path(name), { ...images, 'audiojack.json': list });
      return readDataset([path(name)]);
    };
    const text = JSON.stringify(LIST, null, 1);
    const lineOf = (part: string) => text.slice(0, text.indexOf(part)).split('\n').length;
    await expect(wrong('a', text.replace('"AK"', '7'))).rejects.toMatchObject({
      code: 'DATASET_INVALID',
      message: expect.stringMatching(`audiojack\\.json:${lineOf('"AK"')}: test\\.1\\.anomaly_class: .*expected string`),
    });
    await expect(wrong('b', text.replace('"OK"', '"AK"').replace('"OK"', '"AK"'))).rejects.toThrow(
      /audiojack\.json:\d+: train\.0\.anomaly_class: an image of a defect does not train/,
    );
    await expect(wrong('c', text.replace('"test": [', '"test": [,'))).rejects.toThrow(
      new RegExp(`audiojack\\.json:${lineOf('"test"')}: `),
    );
    await expect(wrong('d', text.slice(0, -10))).rejects.toThrow(/audiojack\.json:\d+: /);
  });
});
