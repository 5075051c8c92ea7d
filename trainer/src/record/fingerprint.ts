import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { TestImage } from '../data/product.js';
import { parseReference } from '../data/reference.js';
import { fileDigest } from '../file-digest.js';

/**
 * SHA-256 over the names of classes, and names and content of their training images: the same wherever the data lie, another one when any
 * picture changes.
 */
export async function dataFingerprint(
  classes: readonly { readonly name: string; readonly train: readonly string[]; readonly heldOut: readonly string[] }[],
): Promise<string> {
  const named = classes.map(({ name, train, heldOut }) => ({ name, entries: [...new Set([...train, ...heldOut])] }));
  return fingerprint(named, picture);
}

/** The same over test images and what is known of their defects. */
export async function testFingerprint(
  classes: readonly { readonly name: string; readonly images: readonly TestImage[] }[],
): Promise<string> {
  const named = classes.map(({ name, images }) => ({ name, entries: images }));
  return fingerprint(named, async ({ file, defect, mask }) => {
    const marked = typeof mask === 'string' ? await picture(mask) : JSON.stringify(mask ?? null);
    return `${JSON.stringify(defect ?? null)}\t${await picture(file)}\t${marked}`;
  });
}

const picture = async (reference: string) =>
  `${basename(reference)}\t${(await fileDigest(parseReference(reference).file)).sha256}`;

/** One entry after the other, so that few files are open. */
async function fingerprint<T>(
  classes: readonly { readonly name: string; readonly entries: readonly T[] }[],
  lineOf: (entry: T) => Promise<string>,
): Promise<string> {
  const all = createHash('sha256');
  for (const { name, entries } of classes) {
    all.update(JSON.stringify(name));
    const lines: string[] = [];
    for (const entry of entries) lines.push(`${await lineOf(entry)}\n`);
    for (const line of lines.sort()) all.update(line);
  }
  return all.digest('hex');
}
