import { type Dataset, findDataset } from '../dataset.js';
import { isFile } from '../layouts/files.js';
import type { ClassImages } from '../layouts/layout.js';
import { parseReference } from '../reference.js';
import { type Counts, PUBLISHED, type PublishedDataset } from './table.js';

/** What a class has, beside what was published of it. */
export interface ClassInventory {
  readonly name: string;
  readonly train: number;
  readonly good: number;
  readonly defects: number;
  /** Defects with a mask. */
  readonly masks: number;
  /** Files that the data set lists and that are not there. */
  readonly missing: number;
  /** What was published; undefined where nothing was. */
  readonly published?: Counts;
}

/** What is in a data folder. */
export interface Inventory {
  readonly folder: string;
  readonly layout: string;
  /** The published data set that this is, or is a part of. */
  readonly dataset?: PublishedDataset;
  readonly classes: readonly ClassInventory[];
  /** Sums over the classes, where they are not alternatives. */
  readonly total?: ClassInventory;
}

/**
 * Counts what is in a data folder and holds it against what was published.
 * @param reference `<folder>` or `<folder>#<class>,<class>`
 * @throws BeltsightError DATASET_NOT_FOUND, DATASET_INVALID, IMAGE_*
 */
export async function takeInventory(reference: string): Promise<Inventory> {
  const found = await findDataset(reference);
  const dataset = publishedDataset(found);
  const classes: ClassInventory[] = [];
  for (const each of found.classes) {
    const published = dataset && Object.hasOwn(dataset.classes, each.name) ? dataset.classes[each.name] : undefined;
    classes.push({ name: each.name, ...(await count(await each.read())), ...(published ? { published } : {}) });
  }
  return {
    folder: found.folder,
    layout: found.layout,
    ...(dataset ? { dataset } : {}),
    classes,
    ...(found.alternatives ? {} : { total: sum(classes, dataset) }),
  };
}

/** By its layout; of MVTec AD's layout, which many data sets have, by the names of the classes. */
function publishedDataset({ layout, classes }: Dataset): PublishedDataset | undefined {
  if (layout !== 'MVTec AD') return PUBLISHED.find(({ name }) => name === layout);
  return PUBLISHED.find((dataset) => classes.every(({ name }) => Object.hasOwn(dataset.classes, name)));
}

async function count({ train, test }: ClassImages): Promise<Omit<ClassInventory, 'name' | 'published'>> {
  const defects = test.filter(({ defect }) => defect !== undefined);
  const masks = defects.flatMap(({ mask }) => (mask === undefined ? [] : [mask]));
  const listed = [...train, ...test.map(({ file }) => file), ...masks.filter((mask) => typeof mask === 'string')];
  return {
    train: train.length,
    good: test.length - defects.length,
    defects: defects.length,
    masks: masks.length,
    missing: await absent(new Set(listed.map((reference) => parseReference(reference).file))),
  };
}

/** How many of the files are not there. */
async function absent(files: ReadonlySet<string>): Promise<number> {
  const queue = files.values();
  let missing = 0;
  const worker = async () => {
    for (const file of queue) if (!(await isFile(file))) missing++;
  };
  await Promise.all(Array.from({ length: 32 }, worker));
  return missing;
}

function sum(classes: readonly ClassInventory[], dataset: PublishedDataset | undefined): ClassInventory {
  const of = (key: 'train' | 'good' | 'defects' | 'masks' | 'missing') =>
    classes.reduce((total, each) => total + each[key], 0);
  const published = dataset && publishedTotal(classes, dataset);
  return {
    name: 'all',
    train: of('train'),
    good: of('good'),
    defects: of('defects'),
    masks: of('masks'),
    missing: of('missing'),
    ...(published ? { published } : {}),
  };
}

/** Of the classes that are there, or of the whole data set where it is whole and has no counts of its classes. */
function publishedTotal(
  classes: readonly ClassInventory[],
  { classes: known, total }: PublishedDataset,
): Counts | undefined {
  const counts = classes.flatMap(({ published }) => (published ? [published] : []));
  if (counts.length < classes.length) return classes.length === Object.keys(known).length ? total : undefined;
  return counts.reduce(([a, b, c], [train, good, defects]) => [a + train, b + good, c + defects], [0, 0, 0]);
}
