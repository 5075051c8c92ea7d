import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';

/** What the decoder reads. */
const IMAGE = /\.(png|jpe?g|webp|tiff?|gif|avif|bmp)$/i;
/** Images of a kind people have, which the decoder does not read. */
const FOREIGN = /\.(heic|jp2|raw|dng|ppm|pgm|tga)$/i;

/** Names of the folders in `folder`, sorted; none if it does not exist. */
export async function folders(folder: string): Promise<string[]> {
  const entries = await list(folder);
  const isFolder = await Promise.all(
    entries.map(async (entry) =>
      entry.isSymbolicLink() ? isDirectory(join(folder, entry.name)) : entry.isDirectory(),
    ),
  );
  return entries.filter((_, i) => isFolder[i]).map(({ name }) => name);
}

/** Names of all that is in `folder` and no folder, sorted; none if it does not exist. */
export async function files(folder: string): Promise<string[]> {
  return (await list(folder)).filter((entry) => !entry.isDirectory()).map(({ name }) => name);
}

/**
 * Paths of the images in `folder`, sorted; none if it does not exist.
 * @throws BeltsightError DATASET_INVALID naming an image of a format that is not read
 */
export async function images(folder: string): Promise<string[]> {
  const names = await files(folder);
  const foreign = names.find((name) => FOREIGN.test(name));
  if (foreign !== undefined) {
    throw new BeltsightError(
      'DATASET_INVALID',
      `${join(folder, foreign)} is of a format that is not read: convert it to PNG (for example with ImageMagick's mogrify).`,
    );
  }
  return names.filter((name) => IMAGE.test(name) && !name.startsWith('.')).map((name) => join(folder, name));
}

/** File name without its suffix. */
export const stem = (file: string) => basename(file).replace(/\.[^.]*$/, '');

export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isFile(),
    () => false,
  );
}

export async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
}

async function list(folder: string) {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw new BeltsightError('DATASET_NOT_FOUND', `The data folder ${folder} cannot be read.`, { cause });
  }
}
