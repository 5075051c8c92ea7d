import { type BundleClass, decide } from '@beltsight/sdk/bundle';
import type { SeenClass } from './seen.js';
import { type Share, shareOf } from './share.js';

/** What test images of one class were recognised as, defective ones among them. */
interface ClassRecognition {
  readonly right: Share;
  /** Taken for another class. */
  readonly wrong: Share;
  readonly unknown: Share;
  /** Images by the class they were taken for, where that is another one. */
  readonly takenFor: Readonly<Record<string, number>>;
}

export interface Recognition {
  /** Of the classes that the bundle knows. */
  readonly classes: Readonly<Record<string, ClassRecognition>>;
  /** Of all images of those classes. */
  readonly right: Share;
}

/** How the bundle's centroids name the test images of the classes that it knows. */
export function recognitionOf(seen: readonly SeenClass[], classes: readonly BundleClass[]): Recognition {
  const entries = seen
    .filter(({ name }) => classes.some((known) => known.name === name))
    .map(({ name, images }) => {
      const named = images.map((image) => decide(image, { classes: [...classes] }).className);
      const count = (what: string | null) => named.filter((found) => found === what).length;
      const takenFor = countByName(named.filter((found) => found !== name));
      const [right, unknown] = [count(name), count(null)];
      const share = (hits: number) => shareOf(hits, images.length);
      const wrong = share(images.length - right - unknown);
      return [name, { right: share(right), wrong, unknown: share(unknown), takenFor }] as const;
    });
  const right = entries.reduce((sum, [, each]) => sum + each.right.count, 0);
  const images = entries.reduce((sum, [, each]) => sum + each.right.of, 0);
  return { classes: Object.fromEntries(entries), right: shareOf(right, images) };
}

/** How often each name occurs, the most frequent first; null is no name. */
export function countByName(names: readonly (string | null)[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) if (name !== null) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}
