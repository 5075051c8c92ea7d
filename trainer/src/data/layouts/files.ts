import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';

/** What the decoder reads. */
const IMAGE = /\.(png|jpe?g|jpe|jfif|webp|tiff?|gif|avif|bmp)$/i;
/** Images of a kind people have, which the decoder does not read. */
const FOREIGN = /\.(heic|heif|jp2|jxl|raw|dng|cr2|nef|arw|ppm|pgm|pnm|pbm|tga)$/i;
/** Folders that systems and editors leave behind: hidden ones, and those of macOS archives, disks, Synology, QNAP and Windows. */
const LEFT_BEHIND = /^(\..*|__MACOSX|lost\+found|@eaDir|@Recycle|#recycle|\$RECYCLE\.BIN|System Volume Information)$/i;

const isHidden = (name: string) => name.startsWith('.');
const isImage = (name: string) => IMAGE.test(name) && !isHidden(name);

/** Names of the folders in `folder` that someone put there, sorted; none if it does not exist. */
export async function folders(folder: string): Promise<string[]> {
  return foldersAmong(folder, await list(folder));
}

async function foldersAmong(folder: string, all: readonly Dirent[]): Promise<string[]> {
  const entries = all.filter(({ name }) => !LEFT_BEHIND.test(name));
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
 * Paths of the images of products in `folder`, sorted; none if it does not exist.
 * @throws BeltsightError DATASET_INVALID naming an image of a format that is not read, or a folder in it whose images would be left out
 */
export async function images(folder: string): Promise<string[]> {
  const entries = await list(folder);
  for (const name of await foldersAmong(folder, entries)) {
    const below = join(folder, name);
    if (!(await holdsImages(below))) continue;
    throw new BeltsightError(
      'DATASET_INVALID',
      `${below} holds images, but the folders in ${folder} are not read: move the images up, or ${name} to another place.`,
    );
  }
  return imagesAmong(folder, entries);
}

/**
 * Paths of the masks in `folder`, sorted; none if it does not exist. Folders in it may be: MVTec LOCO AD has one for each image, with
 * several masks, which are not read.
 * @throws BeltsightError DATASET_INVALID naming a mask of a format that is not read
 */
export async function masks(folder: string): Promise<string[]> {
  return imagesAmong(folder, await list(folder));
}

async function holdsImages(folder: string): Promise<boolean> {
  if ((await files(folder)).some(isImage)) return true;
  for (const name of await folders(folder)) if (await holdsImages(join(folder, name))) return true;
  return false;
}

function imagesAmong(folder: string, entries: readonly Dirent[]): string[] {
  const names = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  const foreign = names.find((name) => FOREIGN.test(name) && !isHidden(name));
  if (foreign !== undefined) {
    throw new BeltsightError(
      'DATASET_INVALID',
      `${join(folder, foreign)} is of a format that is not read: convert it to PNG (for example with ImageMagick's mogrify).`,
    );
  }
  return names.filter(isImage).map((name) => join(folder, name));
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

async function list(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw new BeltsightError('DATASET_NOT_FOUND', `The data folder ${folder} cannot be read.`, { cause });
  }
}
