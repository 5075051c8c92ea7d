import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { ProductClass } from '../product.js';

/** Writes files by their path below a folder; `undefined` for a file whose content does not matter. */
export async function writeTree(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array | undefined>>,
): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content ?? '');
  }
}

/** Files without content, for `writeTree`. */
export const empty = (...paths: string[]) => Object.fromEntries(paths.map((path) => [path, undefined] as const));

/** What a class holds in short: paths below a folder, tests as "file", "file: defect" or "file: defect, mask". */
export function inShort(folder: string, { name, train, test }: ProductClass) {
  const short = (path: string) => relative(folder, path);
  return {
    name,
    train: train.map(short),
    test: test.map(({ file, defect, mask }) => {
      const truth = mask === undefined ? [defect] : [defect, typeof mask === 'string' ? short(mask) : 'drawn'];
      return defect === undefined ? short(file) : `${short(file)}: ${truth.join(', ')}`;
    }),
  };
}
