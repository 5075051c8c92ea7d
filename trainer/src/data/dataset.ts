import { resolve } from 'node:path';
import { BeltsightError, nearest } from '@beltsight/sdk';
import { isDirectory } from './layouts/files.js';
import type { FoundDataset } from './layouts/layout.js';
import { LAYOUTS } from './layouts/table.js';
import type { ProductClass } from './product.js';
import { notADataset, notFound } from './published/missing.js';

export type { ProductClass, TestImage } from './product.js';

/** A data set in a folder, with the layout that it was recognised by. */
export interface Dataset extends FoundDataset {
  readonly folder: string;
  readonly layout: string;
}

/**
 * Finds the classes of data sets, each in the layout that it is published in, recognised by looking at its folder.
 * @param references folders; `<folder>#<class>,<class>` takes some of its classes
 * @throws BeltsightError DATASET_NOT_FOUND, DATASET_INVALID, IMAGE_*
 */
export async function readDataset(references: readonly string[]): Promise<ProductClass[]> {
  const found = await findClasses(references);
  return readClasses(found, uniqueNames(found));
}

/**
 * The classes of data sets by the names that a model has for them. Where several of its data sets had a class of one name, it calls theirs
 * `<data set>/<class>`; in a folder on its own, such a class is `<class>`.
 * @param known names of the model's classes; a class that is none of them keeps the name that {@link readDataset} gives it
 * @throws BeltsightError as {@link readDataset}; DATASET_INVALID where a class may be one or another of the model's
 */
export async function readKnown(references: readonly string[], known: readonly string[]): Promise<ProductClass[]> {
  const found = await findClasses(references);
  const names = uniqueNames(found);
  const meant = names.map((name, i) => (known.includes(name) ? name : (meantBy(found[i] as Found, known) ?? name)));
  const isTwice = (name: string) => meant.indexOf(name) !== meant.lastIndexOf(name);
  return readClasses(
    found,
    names.map((name, i) => (isTwice(meant[i] as string) ? name : (meant[i] as string))),
  );
}

interface Found {
  readonly dataset: string;
  readonly name: string;
  readonly entry: Dataset['classes'][number];
}

/** Which of the names `<data set>/<class>` that a model knows is meant by a class. */
function meantBy({ dataset, name, entry }: Found, known: readonly string[]): string | undefined {
  const candidates = known.filter((each) => each.endsWith(`/${name}`));
  if (candidates.length < 2) return candidates[0];
  const exact = candidates.find((each) => each === `${dataset}/${name}`);
  if (exact !== undefined) return exact;
  throw new BeltsightError(
    'DATASET_INVALID',
    `${entry.folder} may be ${candidates.join(' or ')} of the model: put the pictures of each into a folder of the data set's name (${candidates[0]}/train/good), and name those.`,
  );
}

async function findClasses(references: readonly string[]): Promise<Found[]> {
  const found: Found[] = [];
  for (const reference of references) {
    const { name: dataset, folder, classes, alternatives } = await findDataset(reference);
    if (alternatives && classes.length > 1) {
      const names = classes.map(({ name }) => name).join(', ');
      throw new BeltsightError(
        'DATASET_INVALID',
        `${folder} holds ${names}. Each is an experiment of its own, normal in one is a defect in another: name one, for example ${folder}#${classes[0]?.name}.`,
      );
    }
    found.push(...classes.map((entry) => ({ dataset, name: entry.name, entry })));
  }
  return found;
}

function readClasses(found: readonly Found[], names: readonly string[]): Promise<ProductClass[]> {
  return Promise.all(
    found.map(async ({ entry }, i) => ({
      name: names[i] as string,
      folder: entry.folder,
      ...(await entry.read()),
    })),
  );
}

/**
 * Looks at a folder.
 * @param reference `<folder>` or `<folder>#<class>,<class>`
 * @throws BeltsightError DATASET_NOT_FOUND, DATASET_INVALID, IMAGE_*
 */
export async function findDataset(reference: string): Promise<Dataset> {
  const [folder, chosen] = await selection(reference);
  if (!(await isDirectory(folder))) throw await notFound(folder);
  for (const { name: layout, recognise } of LAYOUTS) {
    const found = await recognise(folder);
    if (found?.classes.length === 0) {
      throw new BeltsightError(
        'DATASET_INVALID',
        `${folder} is laid out like ${layout}, but holds no class: unpack it anew.`,
      );
    }
    if (found) return { ...found, classes: chosen ? choose(found, chosen, folder) : found.classes, folder, layout };
  }
  throw await notADataset(folder);
}

/**
 * The classes of these names, in the order of the data; all where no names are given.
 * @throws BeltsightError ARGUMENT_INVALID naming those that the data do not have, and the nearest that they have
 */
export function selectClasses<T extends { readonly name: string }>(
  classes: readonly T[],
  names: readonly string[] | undefined,
): readonly T[] {
  if (names === undefined) return classes;
  const missing = names.filter((name) => !classes.some((product) => product.name === name));
  if (missing.length === 0) return classes.filter(({ name }) => names.includes(name));
  const known = classes.map(({ name }) => name);
  const problems = missing.map((name) => {
    const near = nearest(name, known);
    return near === undefined ? name : `${name} (did you mean ${near}?)`;
  });
  throw new BeltsightError(
    'ARGUMENT_INVALID',
    `The data has no class ${problems.join(', ')}; it has ${known.join(', ')}.`,
  );
}

/** @throws BeltsightError DATASET_EMPTY if there is no class, or naming every class that has no good training image */
export function requireTraining(classes: readonly ProductClass[]): void {
  if (classes.length === 0) {
    throw new BeltsightError('DATASET_EMPTY', 'The data has no class to train on: name folders that hold some.');
  }
  const empty = classes.filter(({ train }) => train.length === 0).map(({ name, folder }) => `${name} (${folder})`);
  if (empty.length === 0) return;
  throw new BeltsightError(
    'DATASET_EMPTY',
    `No images of good products to train on in ${empty.join(', ')}: put some there, or leave the class out.`,
  );
}

/** Folder and classes of a reference. A folder that has the sign in its name is a folder. */
async function selection(reference: string): Promise<[folder: string, classes?: string[]]> {
  const sign = reference.lastIndexOf('#');
  if (sign < 0 || (await isDirectory(reference))) return [resolve(reference)];
  const names = reference.slice(sign + 1).split(',');
  return [resolve(reference.slice(0, sign)), names.map((name) => name.trim())];
}

function choose({ classes }: FoundDataset, chosen: readonly string[], folder: string) {
  const missing = chosen.filter((name) => !classes.some((found) => found.name === name));
  if (missing.length === 0) return classes.filter(({ name }) => chosen.includes(name));
  const names = classes.map(({ name }) => name).join(', ');
  throw new BeltsightError('DATASET_INVALID', `${folder} has no class ${missing.join(', ')}; it has ${names}.`);
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
