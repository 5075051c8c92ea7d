import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { products } from '../generate/specimen.js';
import { writeSamples } from '../generate/write.js';
import { place } from './places.js';

/** Good products of each class to train on, and what the conveyor brings later. */
export const SAMPLES = { imageSize: 256, trainGood: 60, testGood: 12, perDefect: 3 } as const;
/** Drawn products; printed circuit boards come as photographs. */
const DRAWN = ['cap', 'biscuit'] as const;
const SEED = 1;

/** Folders of the sample products. */
export interface Samples {
  /** MVTec layout: what is trained on and measured on. */
  readonly data: string;
  /** The unseen products alone, `<class>/<good or defect>/<file>`: what passes the camera. */
  readonly conveyor: string;
}

/** Digest of everything that the samples are made from. */
export async function samplesDigest(): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify({ SAMPLES, DRAWN, SEED }));
  for (const file of await filesIn(place('examples', 'samples'))) hash.update(file).update(await readFile(file));
  return hash.digest('hex');
}

/** Draws and copies the samples into `folder`, unless they are there. A folder that was begun and not finished is made anew. */
export async function prepareSamples(folder: string): Promise<Samples> {
  const samples = { data: join(folder, 'data'), conveyor: join(folder, 'conveyor') };
  if ((await filesIn(folder)).length > 0) return samples;
  const part = `${folder}.part`;
  await rm(part, { recursive: true, force: true });
  const data = join(part, 'data');
  await writeSamples(
    data,
    SAMPLES,
    SEED,
    products.filter(({ name }) => (DRAWN as readonly string[]).includes(name)),
  );
  await copyBoards(join(data, 'pcb'));
  for (const file of await filesIn(data)) {
    const [product, split, ...rest] = file.slice(data.length + 1).split('/') as [string, string, ...string[]];
    if (split === 'test') await copy(file, join(part, 'conveyor', product, ...rest));
  }
  await rename(part, folder);
  return samples;
}

/** As many boards as there are of every other product. */
async function copyBoards(target: string): Promise<void> {
  const source = place('examples', 'samples', 'pcb');
  const kept = (file: string) => {
    const [split, kind] = file.slice(source.length + 1).split('/');
    if (split === 'train') return SAMPLES.trainGood;
    return kind === 'good' ? SAMPLES.testGood : SAMPLES.perDefect;
  };
  const counts = new Map<string, number>();
  for (const file of await filesIn(source)) {
    const count = counts.get(dirname(file)) ?? 0;
    counts.set(dirname(file), count + 1);
    if (count < kept(file)) await copy(file, join(target, file.slice(source.length + 1)));
  }
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to);
}

/** All files below a folder, sorted; none where there is no folder. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : [])).sort();
}
