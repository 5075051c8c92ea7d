import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';

/** A test image. `defect` is undefined for a good product; a defect may come without a mask. */
export interface TestImage {
  readonly file: string;
  readonly defect?: string;
  readonly mask?: string;
}

/** One product class: good images to train on, and images to measure with. */
export interface ProductClass {
  /** "<class>", or "<data set>/<class>" where several data sets have a class of this name. */
  readonly name: string;
  readonly folder: string;
  readonly train: readonly string[];
  readonly test: readonly TestImage[];
}

/** What the decoder reads (libvips as sharp ships it). */
const IMAGE = /\.(png|jpe?g|webp|tiff?|gif|avif)$/i;
/** Images of a kind people have, which the decoder does not read. */
const FOREIGN = /\.(bmp|heic|jp2|raw|dng|ppm|pgm|tga)$/i;

/**
 * Finds the classes below folders in MVTec layout: `<class>/train/good`, `<class>/test/{good,<defect>}`,
 * `<class>/ground_truth/<defect>/<name>_mask.png`. A folder that itself has `train/good` or `test` is one class.
 * @throws BeltsightError DATASET_NOT_FOUND, DATASET_INVALID
 */
export async function readDataset(folders: readonly string[]): Promise<ProductClass[]> {
  const found: { dataset: string; name: string; folder: string }[] = [];
  for (const folder of folders.map((path) => resolve(path))) {
    const classes = await classFolders(folder);
    if (classes.length === 0) {
      throw new BeltsightError(
        'DATASET_INVALID',
        `${folder} holds no class: expected <class>/train/good/*.png (MVTec layout), one folder a product class.`,
      );
    }
    const isClass = classes[0] === folder;
    const dataset = basename(isClass ? resolve(folder, '..') : folder);
    found.push(...classes.map((path) => ({ dataset, name: basename(path), folder: path })));
  }
  const names = uniqueNames(found);
  return Promise.all(found.map(({ folder }, i) => readClass(names[i] as string, folder)));
}

/**
 * The classes of these names, in the order of the data; all where no names are given.
 * @throws BeltsightError ARGUMENT_INVALID naming those that the data do not have
 */
export function selectClasses(
  classes: readonly ProductClass[],
  names: readonly string[] | undefined,
): readonly ProductClass[] {
  if (names === undefined) return classes;
  const missing = names.filter((name) => !classes.some((product) => product.name === name));
  if (missing.length === 0) return classes.filter(({ name }) => names.includes(name));
  const known = classes.map(({ name }) => name).join(', ');
  throw new BeltsightError('ARGUMENT_INVALID', `The data has no class ${missing.join(', ')}; it has ${known}.`);
}

/** @throws BeltsightError DATASET_EMPTY naming every class that has no good training image */
export function requireTraining(classes: readonly ProductClass[]): void {
  const empty = classes.filter(({ train }) => train.length === 0).map(({ folder }) => join(folder, 'train', 'good'));
  if (empty.length === 0) return;
  throw new BeltsightError(
    'DATASET_EMPTY',
    `No images of good products in ${empty.join(', ')}: put some there, or remove the class folder.`,
  );
}

async function classFolders(folder: string): Promise<string[]> {
  const entries = await folders(folder, true);
  if (entries.includes('train') || entries.includes('test')) return [folder];
  const isClass = await Promise.all(
    entries.map(async (entry) => {
      const inside = await folders(join(folder, entry));
      return inside.includes('train') || inside.includes('test');
    }),
  );
  return entries.filter((_, i) => isClass[i]).map((entry) => join(folder, entry));
}

/** Plain class names where they are unique; with their data set's name where not; numbered if that is not unique either. */
function uniqueNames(found: readonly { dataset: string; name: string }[]): string[] {
  const times = new Map<string, number>();
  for (const { name } of found) times.set(name, (times.get(name) ?? 0) + 1);
  const taken = new Set<string>();
  return found.map(({ dataset, name }) => {
    const base = (times.get(name) ?? 0) > 1 ? `${dataset}/${name}` : name;
    let unique = base;
    for (let n = 2; taken.has(unique); n++) unique = `${base}-${n}`;
    taken.add(unique);
    return unique;
  });
}

async function readClass(name: string, folder: string): Promise<ProductClass> {
  const train = await images(join(folder, 'train', 'good'));
  const kinds = await folders(join(folder, 'test'));
  const test = await Promise.all(kinds.map((kind) => testImages(folder, kind)));
  return { name, folder, train, test: test.flat() };
}

async function testImages(folder: string, kind: string): Promise<TestImage[]> {
  const files = await images(join(folder, 'test', kind));
  if (kind === 'good') return files.map((file) => ({ file }));
  const masks = new Map(
    (await images(join(folder, 'ground_truth', kind))).map((mask) => [stem(mask).replace(/_mask$/, ''), mask]),
  );
  return files.map((file) => {
    const mask = masks.get(stem(file));
    return { file, defect: kind, ...(mask === undefined ? {} : { mask }) };
  });
}

const stem = (file: string) => basename(file).replace(/\.[^.]*$/, '');

/** Names of the folders in `folder`, sorted; none if it does not exist (unless `required`). */
async function folders(folder: string, required = false): Promise<string[]> {
  const entries = await list(folder, required);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

async function images(folder: string): Promise<string[]> {
  const names = (await list(folder)).filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
  const foreign = names.find((name) => FOREIGN.test(name));
  if (foreign !== undefined) {
    throw new BeltsightError(
      'DATASET_INVALID',
      `${join(folder, foreign)} is of a format that is not read: convert it to PNG (for example with ImageMagick's mogrify).`,
    );
  }
  return names.filter((name) => IMAGE.test(name) && !name.startsWith('.')).map((name) => join(folder, name));
}

async function list(folder: string, required = false) {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    if (!required && (cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    const isFile = await stat(folder).then(
      (info) => info.isFile(),
      () => false,
    );
    const why = isFile ? 'is a file, not a folder' : 'cannot be read or does not exist';
    throw new BeltsightError('DATASET_NOT_FOUND', `The data folder ${folder} ${why}.`, { cause });
  }
}
