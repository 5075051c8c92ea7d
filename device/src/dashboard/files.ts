import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { BeltsightError } from '@beltsight/sdk';

/** What the page is made of. Other files in the folder are not served. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};

/** A file in memory, ready to be sent. */
export interface ServedFile {
  readonly type: string;
  readonly body: Buffer;
  readonly gzipped: Buffer;
  readonly etag: string;
}

/**
 * The page's files by the path they are asked for by. Everything is read once: no request ever names a file to the file system.
 * @throws BeltsightError IO_FAILED if the page is not there
 */
export async function readPage(folder: string): Promise<Map<string, ServedFile>> {
  const files = new Map<string, ServedFile>();
  try {
    for (const name of await readdir(folder)) {
      const type = TYPES[extname(name)];
      if (type === undefined) continue;
      files.set(`/${name}`, await served(type, await readFile(join(folder, name))));
    }
    const index = files.get('/index.html');
    if (!index || !files.has('/dashboard.js')) throw new Error('index.html or dashboard.js is missing');
    return files.set('/', index);
  } catch (cause) {
    throw new BeltsightError(
      'IO_FAILED',
      `The dashboard is not in ${folder} (${(cause as Error).message}): install the package anew, or run npm run build.`,
      { cause },
    );
  }
}

export async function served(type: string, body: Buffer): Promise<ServedFile> {
  const digest = createHash('sha256').update(body).digest('base64url').slice(0, 22);
  return { type, body, gzipped: await promisify(gzip)(body, { level: 9 }), etag: `"${digest}"` };
}
