import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { parseReference } from '../data/reference.js';
import { fileDigest } from '../file-digest.js';

/**
 * SHA-256 over the names of classes, and names and content of their training images: the same wherever the data lie, another one when any
 * picture changes.
 */
export async function dataFingerprint(
  classes: readonly { readonly name: string; readonly train: readonly string[]; readonly heldOut: readonly string[] }[],
): Promise<string> {
  const all = createHash('sha256');
  for (const { name, train, heldOut } of classes) {
    all.update(JSON.stringify(name));
    const files = new Set([...train, ...heldOut]);
    const lines: string[] = [];
    for (const file of files)
      lines.push(`${basename(file)}\t${(await fileDigest(parseReference(file).file)).sha256}\n`);
    for (const line of lines.sort()) all.update(line);
  }
  return all.digest('hex');
}
