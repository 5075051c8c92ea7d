import { basename, join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../testing/products.js';
import { findDataset, readDataset } from '../dataset.js';
import { decodeImage } from '../decode.js';
import { ImageLoader } from '../loader.js';
import { empty, inShort, writeTree } from './testing.js';

describe('data sets whose classes are folders', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const path = (...parts: string[]) => join(folder.path, ...parts);
  const read = async (...data: string[]) =>
    (await readDataset(data.map((name) => path(name)))).map((each) => inShort(folder.path, each));

  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(() => folder.dispose());

  it('reads MVTec AD', async () => {
    await writeTree(
      path('mvtec_anomaly_detection'),
      empty(
        'license.txt',
        'readme.txt',
        'bottle/license.txt',
        'bottle/train/good/000.png',
        'bottle/test/good/000.png',
        'bottle/test/broken_large/000.png',
        'bottle/test/contamination/000.png',
        'bottle/ground_truth/broken_large/000_mask.png',
      ),
    );
    expect(await read('mvtec_anomaly_detection')).toEqual([
      {
        name: 'bottle',
        train: ['mvtec_anomaly_detection/bottle/train/good/000.png'],
        test: [
          'mvtec_anomaly_detection/bottle/test/broken_large/000.png: broken_large, mvtec_anomaly_detection/bottle/ground_truth/broken_large/000_mask.png',
          'mvtec_anomaly_detection/bottle/test/contamination/000.png: contamination',
          'mvtec_anomaly_detection/bottle/test/good/000.png',
        ],
      },
    ]);
    expect(await findDataset(path('mvtec_anomaly_detection'))).toMatchObject({ layout: 'MVTec AD' });
  });

  it('reads the colour images of MVTec 3D-AD, those for validation among the ones to train on', async () => {
    await writeTree(
      path('mvtec_3d'),
      empty(
        'license.txt',
        ...['train/good', 'validation/good', 'test/good', 'test/hole'].flatMap((part) => [
          `bagel/${part}/rgb/000.png`,
          `bagel/${part}/xyz/000.tiff`,
        ]),
        'bagel/test/good/gt/000.png',
        'bagel/test/hole/gt/000.png',
        'bagel/calibration/camera_parameters.json',
      ),
    );
    expect(await read('mvtec_3d')).toEqual([
      {
        name: 'bagel',
        train: ['mvtec_3d/bagel/train/good/rgb/000.png', 'mvtec_3d/bagel/validation/good/rgb/000.png'],
        test: [
          'mvtec_3d/bagel/test/good/rgb/000.png',
          'mvtec_3d/bagel/test/hole/rgb/000.png: hole, mvtec_3d/bagel/test/hole/gt/000.png',
        ],
      },
    ]);
    expect(await findDataset(path('mvtec_3d', 'bagel'))).toMatchObject({ layout: 'MVTec 3D-AD', name: 'mvtec_3d' });
  });

  it('refuses classes of several layouts in one folder, and two names for good in a class', async () => {
    const [bolt, biscuit] = [empty('bolt/train/good/0.png', 'bolt/test/good/0.png'), empty('biscuit/train/ok/0.png')];
    await writeTree(path('mixed'), { ...bolt, ...biscuit });
    await expect(findDataset(path('mixed'))).rejects.toMatchObject({
      code: 'DATASET_INVALID',
      message: expect.stringContaining('more than one layout: biscuit in one, bolt in another'),
    });
    await expect(read('mixed/bolt')).resolves.toHaveLength(1);
    await writeTree(path('twice'), empty('biscuit/train/good/0.png', 'biscuit/test/ok/0.png'));
    await expect(read('twice')).rejects.toThrow(/biscuit calls good products both "good" and "ok"/);
  });

  it('reads BTAD, whose images and masks are PNG or BMP', async () => {
    const image = bitmap([200, 100, 50]);
    const mask = bitmap([1, 1, 1]);
    await writeTree(path('BTech_Dataset_transformed'), {
      '01/train/ok/0000.bmp': image,
      '01/test/ok/0000.bmp': undefined,
      '01/test/ko/0000.bmp': undefined,
      '01/ground_truth/ko/0000.png': undefined,
      '02/train/ok/0000.png': undefined,
      '02/test/ko/0000.png': undefined,
      '02/ground_truth/ko/0000.png': undefined,
      '03/train/ok/0000.bmp': undefined,
      '03/test/ko/0000.bmp': undefined,
      '03/ground_truth/ko/0000.bmp': mask,
    });
    const classes = await readDataset([path('BTech_Dataset_transformed')]);
    expect(classes.map(({ name }) => name)).toEqual(['01', '02', '03']);
    expect(classes.map((each) => inShort(each.folder, each).test)).toEqual([
      ['test/ok/0000.bmp', 'test/ko/0000.bmp: ko, ground_truth/ko/0000.png'],
      ['test/ko/0000.png: ko, ground_truth/ko/0000.png'],
      ['test/ko/0000.bmp: ko, ground_truth/ko/0000.bmp'],
    ]);
    const loader = new ImageLoader(32);
    expect([...(await loader.load(classes[0]?.train[0] as string)).subarray(0, 3)]).toEqual([200, 100, 50]);
    const marked = await loader.loadMask(classes[2]?.test[0]?.mask as string);
    expect(marked.every((value) => value === 1)).toBe(true);
    await loader.close();
  });

  it("reads own kinds of defects in BTAD's layout, with their masks", async () => {
    await writeTree(
      path('kinds'),
      empty(
        'cog/train/ok/0.png',
        'cog/test/ok/1.png',
        'cog/test/scratch/2.png',
        'cog/test/dent/3.png',
        'cog/ground_truth/scratch/2.png',
      ),
    );
    const [cog] = await readDataset([path('kinds')]);
    expect(cog && inShort(cog.folder, cog).test).toEqual([
      'test/ok/1.png',
      'test/dent/3.png: dent',
      'test/scratch/2.png: scratch, ground_truth/scratch/2.png',
    ]);
  });

  it.each([
    ['OK', 'train/good', 'good'],
    ['Good', 'train/good', 'good'],
    ['normal', 'train/good', 'good'],
    ['normal', 'train/ok', 'ok'],
    ['OK/rgb', 'train/good/rgb', 'good'],
  ])('refuses good products in test/%s beside %s: they would count as defects', async (other, train, name) => {
    const folder = `called/${`${other}-${train}`.replaceAll('/', '-')}`;
    await writeTree(path(folder), empty(`cog/${train}/0.png`, `cog/test/${other}/1.png`, 'cog/test/scratch/2.png'));
    await expect(read(folder)).rejects.toMatchObject({
      code: 'DATASET_INVALID',
      message: expect.stringMatching(
        new RegExp(`cog.test.${other.split('/')[0]} holds good products by its name.*one name, "${name}"\\.`),
      ),
    });
  });

  it('leaves out hidden folders and those that systems leave behind, as classes and as kinds of defects', async () => {
    const left = ['.ipynb_checkpoints', '@eaDir', '__MACOSX'];
    await writeTree(
      path('left'),
      empty(
        'cog/train/good/0.png',
        'cog/test/scratch/1.png',
        ...left.flatMap((name) => [
          `${name}/train/good/0.png`,
          `cog/train/good/${name}/0.png`,
          `cog/test/${name}/1.png`,
          `cog/test/scratch/${name}/1.png`,
        ]),
      ),
    );
    expect(await read('left')).toEqual([
      { name: 'cog', train: ['left/cog/train/good/0.png'], test: ['left/cog/test/scratch/1.png: scratch'] },
    ]);
  });

  it('names a folder of images among images, which would be left out, but for one of masks', async () => {
    const masks = 'cog/ground_truth/scratch/1/1.png';
    await writeTree(path('days'), empty('cog/train/good/1.png', 'cog/test/scratch/1.png', masks));
    expect(await read('days')).toMatchObject([{ test: ['days/cog/test/scratch/1.png: scratch'] }]);
    await writeTree(path('days', 'cog', 'train', 'good'), empty('notes/text.txt', 'day2/morning/2.png'));
    await expect(read('days')).rejects.toMatchObject({
      code: 'DATASET_INVALID',
      message: expect.stringMatching(
        /good.day2 holds images, but the folders in \S+good are not read: move the images up/,
      ),
    });
  });

  it('reads JPEG by its rarer names', async () => {
    const jpeg = await sharp({ create: { width: 4, height: 4, channels: 3, background: '#c86432' } })
      .jpeg({ quality: 100 })
      .toBuffer();
    await writeTree(path('rare'), { 'cog/train/good/0.jfif': jpeg, 'cog/train/good/1.JPE': jpeg });
    const [cog] = await readDataset([path('rare')]);
    expect(cog?.train.map((file) => basename(file))).toEqual(['0.jfif', '1.JPE']);
    for (const file of cog?.train ?? []) expect((await decodeImage(file)).width).toBe(4);
  });

  it('reads several together, and takes some of the classes of one', async () => {
    await writeTree(path('other'), empty('01/train/good/0.png', 'bottle/train/good/0.png', 'lid/train/good/0.png'));
    const names = async (...data: string[]) => (await readDataset(data.map((d) => path(d)))).map(({ name }) => name);
    expect(await names('mvtec_anomaly_detection', 'BTech_Dataset_transformed#03,01', 'other')).toEqual([
      'mvtec_anomaly_detection/bottle',
      'BTech_Dataset_transformed/01',
      '03',
      'other/01',
      'other/bottle',
      'lid',
    ]);
    await expect(names('other#lid,cap')).rejects.toThrow(/other has no class cap; it has 01, bottle, lid\./);
  });
});

/** A BMP of one colour as cameras write them: BITMAPINFOHEADER, 24 bits, rows from the bottom and padded to four bytes. */
function bitmap([red, green, blue]: [number, number, number], width = 3, height = 2): Uint8Array {
  const stride = Math.ceil((width * 3) / 4) * 4;
  const file = Buffer.alloc(54 + stride * height);
  file.write('BM');
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(54, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(width, 18);
  file.writeInt32LE(height, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(24, 28);
  file.writeUInt32LE(stride * height, 34);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) file.set([blue, green, red], 54 + y * stride + x * 3);
  return file;
}
