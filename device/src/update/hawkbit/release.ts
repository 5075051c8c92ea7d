import { desiredSchema } from '@beltsight/sdk';
import type { Chunk } from './ddi.js';

/** Key of the software module type that releases have in hawkBit. */
const PART = 'beltsight';
/** Metadata of a software module that holds a target path, where name and version do not give it. */
const RELEASE_KEY = 'beltsight.release';

/**
 * The release that a distribution set names: its module of type `beltsight`, or that which holds a target path in its metadata.
 * A module named `bottles` in version 3 is `releases/_/bottles-3.json`; `plant1/line1/bottles` is of that line.
 * @returns a target path, or what is wrong and what to do
 */
export function releaseOf(chunks: readonly Chunk[]): { readonly release: string } | { readonly problem: string } {
  const named = chunks.flatMap((chunk) => {
    const path = chunk.metadata?.find(({ key }) => key === RELEASE_KEY)?.value;
    if (path !== undefined) return [path];
    return chunk.part === PART ? [pathOf(chunk)] : [];
  });
  const [release, ...others] = new Set(named);
  if (release === undefined) {
    return { problem: `The distribution set has no software module of the type "${PART}": it names no release.` };
  }
  if (others.length > 0) {
    return { problem: `The distribution set names ${named.join(' and ')}: a device runs one release.` };
  }
  if (desiredSchema.shape.release.safeParse(release).success) return { release };
  return {
    problem: `"${release.slice(0, 300)}" is no target path of a release, such as releases/_/bottles-3.json: name the software module as the release is named (bottles, version 3).`,
  };
}

function pathOf({ name, version }: Chunk): string {
  return `releases/${name.includes('/') ? '' : '_/'}${name}-${version}.json`;
}
