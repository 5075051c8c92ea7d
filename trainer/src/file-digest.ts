import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** SHA-256 (hexadecimal) and size of a file, read piece by piece. */
export async function fileDigest(file: string): Promise<{ sha256: string; sizeBytes: number }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of createReadStream(file)) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}
