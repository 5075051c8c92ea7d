import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, parse, relative, sep } from 'node:path';
import sharp, { type Region } from 'sharp';
import { products } from '../generate/specimen.js';
import { writeSamples } from '../generate/write.js';
import { place } from './places.js';

/** Good products of each class to train on, and what the conveyor brings later. */
const SAMPLES = { imageSize: 256, trainGood: 60, testGood: 12, perDefect: 3 } as const;
/** Drawn products; printed circuit boards come as photographs. */
const DRAWN = ['cap', 'biscuit'] as const;
const SEED = 1;
/** Side of a quarter of a board's photograph in pixels. */
const BOARD_QUARTER = 128;

/** Folders of the sample products. */
export interface Samples {
  /** MVTec layout: what is trained on and measured on. */
  readonly data: string;
  /** The unseen products alone, `<class>/<good or defect>/<file>`: what passes the camera. */
  readonly conveyor: string;
}

/** Digest of everything that the samples are made from. */
export async function samplesDigest(): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify({ SAMPLES, DRAWN, SEED, BOARD_QUARTER }));
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
  await cutBoards(join(data, 'pcb'));
  for (const file of await filesIn(data)) {
    const [product, split, ...rest] = relative(data, file).split(sep) as [string, string, ...string[]];
    if (split === 'test') await copy(file, join(part, 'conveyor', product, ...rest));
  }
  await rename(part, folder);
  return samples;
}

/**
 * As many boards as there are of every other product, of each one quarter at full resolution: a hairline fault on the whole
 * board would be gone at the size of the demo's model. Of a defective board it is the quarter that holds the most of the defect.
 */
async function cutBoards(target: string): Promise<void> {
  const source = place('examples', 'samples', 'pcb');
  const counts = new Map<string, number>();
  for (const file of await filesIn(source)) {
    const [split, kind, name] = relative(source, file).split(sep) as [string, string, string];
    if (split === 'ground_truth') continue;
    const count = counts.get(split + kind) ?? 0;
    counts.set(split + kind, count + 1);
    const wanted = split === 'train' ? SAMPLES.trainGood : kind === 'good' ? SAMPLES.testGood : SAMPLES.perDefect;
    if (count >= wanted) continue;
    const number = parse(name).name;
    const mask = join(source, 'ground_truth', kind, `${number}_mask.png`);
    const quarter = kind === 'good' ? QUARTERS[count % 4] : await worstQuarter(mask);
    await cut(file, quarter as Region, join(target, split, kind, `${number}.png`));
    if (kind !== 'good') await cut(mask, quarter as Region, join(target, 'ground_truth', kind, `${number}_mask.png`));
  }
}

const QUARTERS: readonly Region[] = [0, BOARD_QUARTER].flatMap((top) =>
  [0, BOARD_QUARTER].map((left) => ({ left, top, width: BOARD_QUARTER, height: BOARD_QUARTER })),
);

/** The quarter with the most marked pixels. */
async function worstQuarter(mask: string): Promise<Region | undefined> {
  const marked = await Promise.all(
    QUARTERS.map(
      async (quarter) => (await sharp(await sharp(mask).extract(quarter).toBuffer()).stats()).channels[0]?.sum ?? 0,
    ),
  );
  return QUARTERS[marked.indexOf(Math.max(...marked))];
}

async function cut(from: string, region: Region, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await sharp(from).extract(region).png().toFile(to);
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
