import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import { folders, isDirectory, isFile } from './files.js';
import type { ClassImages, Layout } from './layout.js';

const rowSchema = z
  .object({
    object: z.string().min(1),
    split: z.enum(['train', 'test']),
    label: z.enum(['normal', 'anomaly']),
    image: z.string().min(1),
    mask: z.string(),
  })
  .refine(({ split, label }) => split === 'test' || label === 'normal', 'an anomaly does not train');
type Row = z.infer<typeof rowSchema>;

/** VisA's: images in `<class>/Data`, and which of them train and test in `split_csv/1cls.csv` (object,split,label,image,mask). */
export const visa: Layout = {
  name: 'VisA',
  async recognise(folder) {
    const table = join(folder, 'split_csv', '1cls.csv');
    if (!(await isFile(table))) {
      if (!(await hasImages(folder))) return undefined;
      throw new BeltsightError(
        'DATASET_INVALID',
        `${table} does not exist: it lists which images of VisA train and which test. Unpack the data set anew.`,
      );
    }
    const rows = rowsOf(table, await readFile(table));
    const names = [...new Set(rows.map(({ object }) => object))];
    return {
      name: basename(folder),
      classes: names.map((name) => ({
        name,
        folder: join(folder, name),
        read: async () =>
          imagesOf(
            rows.filter(({ object }) => object === name),
            folder,
          ),
      })),
    };
  },
};

/** Whether a class lies in the folder as VisA has them. */
async function hasImages(folder: string): Promise<boolean> {
  for (const name of await folders(folder)) if (await isDirectory(join(folder, name, 'Data', 'Images'))) return true;
  return false;
}

function rowsOf(file: string, content: Buffer): Row[] {
  const invalid = (where: string, why: string, cause: unknown) =>
    new BeltsightError('DATASET_INVALID', `${file}${where}: ${why}. Unpack the data set anew.`, { cause });
  let records: { record: unknown; info: { lines: number } }[];
  try {
    records = parse(content, { columns: true, info: true, bom: true, skipEmptyLines: true }) as never;
  } catch (cause) {
    const { lines, message } = cause as { lines?: number; message: string };
    throw invalid(lines === undefined ? '' : `:${lines}`, message, cause);
  }
  return records.map(({ record, info }) => {
    const { data, error } = rowSchema.safeParse(record);
    if (data) return data;
    throw invalid(
      `:${info.lines}`,
      error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; '),
      error,
    );
  });
}

function imagesOf(rows: readonly Row[], folder: string): ClassImages {
  const path = (name: string) => join(folder, name);
  return {
    train: rows.filter(({ split }) => split === 'train').map(({ image }) => path(image)),
    test: rows
      .filter(({ split }) => split === 'test')
      .map(({ label, image, mask }) => ({
        file: path(image),
        ...(label === 'normal' ? {} : { defect: label }),
        ...(label === 'normal' || mask === '' ? {} : { mask: path(mask) }),
      })),
  };
}
