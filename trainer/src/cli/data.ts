import { Command } from 'commander';
import { type ClassInventory, type Inventory, takeInventory } from '../data/published/inventory.js';
import { type Counts, PUBLISHED } from '../data/published/table.js';
import { plainTable } from '../plain-table.js';

/** beltsight data: what is in data folders, and whether it is what was published. */
export function dataCommand(): Command {
  return new Command('data')
    .description('Show what data folders hold, and whether that is what was published')
    .argument('[dir...]', 'folders as for --data; without any, the published data sets that are known')
    .addHelpText(
      'after',
      `
Examples:
  beltsight data
  beltsight data mvtec_anomaly_detection VisA "coco#split0"`,
    )
    .action(async (dirs: string[]) => {
      if (dirs.length === 0) process.stdout.write(`${publishedTable()}\n`);
      for (const dir of dirs) process.stdout.write(`${inventoryText(await takeInventory(dir))}\n`);
    });
}

function publishedTable(): string {
  const table = plainTable(['data set', 'classes', 'train', 'good', 'defects', 'official page'], 'lrrrrl');
  for (const { name, page, classes, total, alternatives } of PUBLISHED) {
    const [train, good, defects] = total ?? (alternatives ? ['-', '-', '-'] : sums(Object.values(classes)));
    table.push([name, Object.keys(classes).length, train, good, defects, page]);
  }
  return table.toString();
}

/** Sums over classes; a dash where one is not counted. */
function sums(classes: readonly (Counts | undefined)[]) {
  const counts = classes.flatMap((each) => (each ? [each] : []));
  return [0, 1, 2].map((i) =>
    counts.length < classes.length ? '-' : counts.reduce((sum, each) => sum + (each[i] as number), 0),
  );
}

function inventoryText({ folder, layout, dataset, classes, total }: Inventory): string {
  const table = plainTable(['class', 'train', 'good', 'defects', 'masks', 'missing files', 'published'], 'lrrrrrl');
  for (const each of classes) table.push(row(each));
  if (classes.length > 1 && total) table.push(row(total));
  const known = dataset
    ? `${dataset.name} (${dataset.page}), ${classes.length} of ${Object.keys(dataset.classes).length} classes`
    : `no published data set, layout of ${layout}`;
  return `${folder}: ${known}\n${table}`;
}

function row(inventory: ClassInventory) {
  const { name, train, good, defects, masks, missing, published } = inventory;
  return [name, train, good, defects, masks, missing, published ? verdict([train, good, defects], published) : '-'];
}

function verdict(found: Counts, published: Counts): string {
  return found.every((count, i) => count === published[i]) ? 'the same' : `differs: ${published.join(', ')}`;
}
