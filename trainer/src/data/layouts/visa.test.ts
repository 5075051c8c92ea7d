import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../testing/products.js';
import { findDataset, readDataset } from '../dataset.js';
import { ImageLoader } from '../loader.js';
import { empty, inShort, writeTree } from './testing.js';

const TABLE = `object,split,label,image,mask
candle,train,normal,candle/Data/Images/Normal/0000.JPG,
candle,test,normal,candle/Data/Images/Normal/0001.JPG,
candle,test,anomaly,candle/Data/Images/Anomaly/000.JPG,candle/Data/Masks/Anomaly/000.png
pcb1,train,normal,pcb1/Data/Images/Normal/0000.JPG,
`;

describe('VisA', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const visa = async (name: string, table: string) => {
    const path = join(folder.path, name);
    await writeTree(path, { 'split_csv/1cls.csv': table, 'split_csv/2cls_fewshot.csv': '' });
    return path;
  };

  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(() => folder.dispose());

  it('trains and tests as its table says', async () => {
    const path = await visa('VisA', TABLE.replaceAll('\n', '\r\n'));
    expect((await readDataset([path])).map((each) => inShort(path, each))).toEqual([
      {
        name: 'candle',
        train: ['candle/Data/Images/Normal/0000.JPG'],
        test: [
          'candle/Data/Images/Normal/0001.JPG',
          'candle/Data/Images/Anomaly/000.JPG: anomaly, candle/Data/Masks/Anomaly/000.png',
        ],
      },
      { name: 'pcb1', train: ['pcb1/Data/Images/Normal/0000.JPG'], test: [] },
    ]);
    expect(await findDataset(path)).toMatchObject({ layout: 'VisA' });
  });

  it('names its table where that is missing, or has no class', async () => {
    const path = join(folder.path, 'incomplete');
    await writeTree(path, empty('candle/Data/Images/Normal/0000.JPG', 'split_csv/2cls_fewshot.csv'));
    await expect(findDataset(path)).rejects.toMatchObject({
      code: 'DATASET_INVALID',
      message: expect.stringMatching(/incomplete.split_csv.1cls\.csv does not exist: it lists which images of VisA/),
    });
    await expect(findDataset(await visa('hollow', 'object,split,label,image,mask\n'))).rejects.toThrow(
      /hollow is laid out like VisA, but holds no class/,
    );
  });

  it('takes masks of small numbers as marked where they are not zero', async () => {
    const file = join(folder.path, 'mask.png');
    const data = Uint8Array.from({ length: 32 * 32 }, (_, i) => (i % 32 < 16 ? 0 : 2));
    await sharp(data, { raw: { width: 32, height: 32, channels: 1 } })
      .png()
      .toFile(file);
    const loader = new ImageLoader(32);
    expect(await loader.loadMask(file)).toEqual(data.map((value) => (value > 0 ? 1 : 0)));
    await loader.close();
  });

  it('names file, line and column of what is wrong in the table', async () => {
    const wrong = async (name: string, table: string) => readDataset([await visa(name, table)]);
    await expect(wrong('a', TABLE.replace('candle,test,anomaly', 'candle,test,odd'))).rejects.toMatchObject({
      code: 'DATASET_INVALID',
      message: expect.stringMatching(/1cls\.csv:4: label: .*"normal"\|"anomaly"/),
    });
    await expect(wrong('b', TABLE.replace('candle,test,anomaly', 'candle,train,anomaly'))).rejects.toThrow(
      /1cls\.csv:4: an anomaly does not train/,
    );
    await expect(wrong('c', `${TABLE}candle,train\n`)).rejects.toThrow(/1cls\.csv:6: .*columns length is 5, got 2/);
    await expect(wrong('d', 'object;split\ncandle;train\n')).rejects.toThrow(/1cls\.csv:2: object: .*undefined/);
  });
});
