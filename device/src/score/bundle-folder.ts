import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bundle, type FileDigest, openBundle } from '@beltsight/sdk/bundle';

/**
 * Opens a bundle that lies in a folder, checking all of it without ever holding its weights in memory.
 * @throws BeltsightError as openBundle does
 */
export function openBundleFolder(folder: string): Promise<Bundle> {
  return openBundle(
    (path) => readFile(join(folder, path)),
    (path) => digestOf(join(folder, path)),
  );
}

async function digestOf(file: string): Promise<FileDigest> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}
