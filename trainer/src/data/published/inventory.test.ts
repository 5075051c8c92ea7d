import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../testing/products.js';
import { readDataset } from '../dataset.js';
import { empty, writeTree } from '../layouts/testing.js';
import { takeInventory } from './inventory.js';
import { PUBLISHED } from './table.js';

describe('published data sets', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const path = (...parts: string[]) => join(folder.path, ...parts);

  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(() => folder.dispose());

  const numbered = (count: number, place: string, suffix = '') =>
    empty(...Array.from({ length: count }, (_, i) => `${place}/${i}${suffix}.png`));

  it('have classes that add up to the published totals', () => {
    const totals = PUBLISHED.map(({ name, classes, total }) => {
      const counts = Object.values(classes).flatMap((each) => (each ? [each] : []));
      const sum = (i: number) => counts.reduce((all, each) => all + (each[i] as number), 0);
      return [name, Object.keys(classes).length, ...(total ?? [sum(0), sum(1), sum(2)])];
    });
    // Each image of COCO's 4952 validation images with annotations is in every split.
    const coco = PUBLISHED.find(({ name }) => name === 'COCO-AD');
    expect(Object.values(coco?.classes ?? {}).map((each) => (each?.[1] ?? 0) + (each?.[2] ?? 0))).toEqual([
      4952, 4952, 4952, 4952,
    ]);
    expect(totals).toEqual([
      ['MVTec AD', 15, 3629, 467, 1725 - 467],
      ['MVTec 3D-AD', 10, 2656 + 294, 249, 1197 - 249],
      ['VisA', 12, 8659, 962, 1200],
      ['BTAD', 3, 1799, 451, 741 - 451],
      ['Real-IAD', 30, 36465, 63256, 114585 - 63256],
      ['MANTA', 38, 0, 0, 0],
      ['COCO-AD', 4, 30438 + 65133 + 79083 + 77580, 1291 + 2785 + 3328 + 3253, 3661 + 2167 + 1624 + 1699],
    ]);
  });

  it('are recognised by their classes, and counted against what was published', async () => {
    await writeTree(path('data'), {
      ...numbered(60, 'toothbrush/train/good'),
      ...numbered(12, 'toothbrush/test/good'),
      ...numbered(30, 'toothbrush/test/defective'),
      ...numbered(29, 'toothbrush/ground_truth/defective', '_mask'),
      ...numbered(2, 'wood/train/good'),
    });
    const { dataset, classes, total } = await takeInventory(path('data'));
    expect(dataset?.name).toBe('MVTec AD');
    expect(classes).toEqual([
      { name: 'toothbrush', train: 60, good: 12, defects: 30, masks: 29, missing: 0, published: [60, 12, 30] },
      { name: 'wood', train: 2, good: 0, defects: 0, masks: 0, missing: 0, published: [247, 19, 60] },
    ]);
    expect(total).toMatchObject({ train: 62, published: [60 + 247, 12 + 19, 30 + 60] });
  });

  it('are told from others, which have no published counts', async () => {
    await writeTree(path('own'), { ...numbered(2, 'wood/train/good'), ...numbered(2, 'lid/train/good') });
    const { dataset, total } = await takeInventory(path('own'));
    expect(dataset).toBeUndefined();
    expect(total).toEqual({ name: 'all', train: 4, good: 0, defects: 0, masks: 0, missing: 0 });
  });

  it('have no counts of a class that is called like a property of every object', async () => {
    await writeTree(path('objects'), empty('constructor/train/ok/0.png'));
    const [found] = (await takeInventory(path('objects'))).classes;
    expect(found).toMatchObject({ name: 'constructor', train: 1 });
    expect(found?.published).toBeUndefined();
  });

  it('say which listed files are not there', async () => {
    const table = 'object,split,label,image,mask\nfryum,train,normal,a.JPG,\nfryum,test,anomaly,b.JPG,b.png\n';
    await writeTree(path('VisA'), { 'split_csv/1cls.csv': table, 'b.JPG': '' });
    expect((await takeInventory(path('VisA'))).classes[0]).toMatchObject({ train: 1, missing: 2 });
  });

  it('are named with their official page where they are missing, empty or not unpacked', async () => {
    await writeTree(path('mvtec_3d'), { 'readme.txt': '' });
    await writeTree(path('downloads'), { 'mvtec_anomaly_detection.tar.xz': '', 'BTAD.zip': '' });
    const error = (name: string) =>
      readDataset([path(name)]).catch((e: Error) => e.message.replaceAll(folder.path, ''));
    expect(await error('VisA_20220922')).toMatch(
      /VisA_20220922 does not exist\. VisA is to be had at https:\/\/github\.com\/amazon-science\/spot-diff; nothing is downloaded/,
    );
    expect(await error('mvtec_3d')).toMatch(
      /holds no class.*MVTec 3D-AD is to be had at https:\/\/www\.mvtec\.com\S+3d-ad/,
    );
    expect(await error('downloads')).toMatch(/BTAD\.zip is an archive of BTAD \(https:\S+VT-ADL\): unpack it/);
    expect(await error('downloads/mvtec_anomaly_detection.tar.xz')).toMatch(/is an archive of MVTec AD \(https:/);
    expect(await error('products')).toMatch(/products does not exist\. "beltsight data" lists the published data sets/);
  });
});
