import { basename, join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { files, isFile } from '../layouts/files.js';
import { PUBLISHED } from './table.js';

const ARCHIVE = /\.(zip|tar|tgz|txz|7z|rar|tar\.(gz|xz|bz2))$/i;

/** The error for a data folder that is not there; of a published data set it says where that is to be had. */
export async function notFound(folder: string): Promise<BeltsightError> {
  const file = await isFile(folder);
  if (file && ARCHIVE.test(folder)) return notUnpacked(folder, folder);
  const what = file ? 'is a file, not a folder' : 'does not exist';
  return new BeltsightError('DATASET_NOT_FOUND', `The data folder ${folder} ${what}.${whereToGet(folder)}`);
}

/** The error for a folder in which no data set was recognised. */
export async function notADataset(folder: string): Promise<BeltsightError> {
  const archive = (await files(folder)).find((name) => ARCHIVE.test(name));
  if (archive !== undefined) return notUnpacked(join(folder, archive), folder);
  return new BeltsightError(
    'DATASET_INVALID',
    `${folder} holds no class: expected <class>/train/good/*.png (MVTec layout), one folder a product class, or a published data set as it was unpacked.${whereToGet(folder)}`,
  );
}

/** The error for the folder of a published data set that should have a folder for each class, and has none. */
export async function withoutClasses(folder: string): Promise<BeltsightError> {
  const archive = (await files(folder)).find((name) => ARCHIVE.test(name));
  const why =
    archive === undefined
      ? 'no class has a folder of images and a list of them.'
      : `the archives in it (${archive}) are not unpacked: unpack those of the classes that you want, there, to a folder each.`;
  return new BeltsightError('DATASET_INVALID', `${folder} holds no class: ${why}${whereToGet(folder)}`);
}

function notUnpacked(archive: string, named: string): BeltsightError {
  const dataset = publishedAs(archive) ?? publishedAs(named);
  const of = dataset ? ` of ${dataset.name} (${dataset.page})` : '';
  return new BeltsightError(
    'DATASET_INVALID',
    `${archive} is an archive${of}: unpack it, and name the folder that comes out.`,
  );
}

function whereToGet(path: string): string {
  const dataset = publishedAs(path);
  if (!dataset) return ' "beltsight data" lists the published data sets that are known, with their pages.';
  return ` ${dataset.name} is to be had at ${dataset.page}; nothing is downloaded for you.`;
}

const publishedAs = (path: string) => PUBLISHED.find(({ called }) => called.test(basename(path)));
