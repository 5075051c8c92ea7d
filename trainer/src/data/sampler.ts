import { randomOf, shuffled } from './random.js';

/** An image of the training set: its class and its index in that class. */
export interface Sample {
  readonly label: number;
  readonly index: number;
}

/** Keys that separate the random streams of one seed. */
const ORDER = 1;

/**
 * The batches of one epoch, class-aware: each has up to `classesPerBatch` classes in equal shares, so that every anchor has
 * positives and negatives. Every image comes about once; smaller classes repeat. Depends on seed and epoch alone.
 * @param counts images per class
 */
export function classAwareBatches(
  counts: readonly number[],
  batch: number,
  classesPerBatch: number,
  seed: number,
  epoch: number,
): Sample[][] {
  const random = randomOf(seed, ORDER, epoch);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const queues = counts.map((count) => cycle(count, random));
  const classes = cycle(counts.length, random);
  const perBatch = Math.min(classesPerBatch, counts.length, batch);
  return Array.from({ length: Math.max(1, Math.round(total / batch)) }, () => {
    const chosen = new Set<number>();
    while (chosen.size < perBatch) chosen.add(classes());
    const labels = [...chosen];
    return Array.from({ length: batch }, (_, slot) => {
      const label = labels[Math.floor((slot * perBatch) / batch)] as number;
      return { label, index: (queues[label] as () => number)() };
    });
  });
}

/** Plain shuffle of all images; the last batch is filled up from the start of the order. */
export function shuffledBatches(counts: readonly number[], batch: number, seed: number, epoch: number): Sample[][] {
  const all = counts.flatMap((count, label) => Array.from({ length: count }, (_, index) => ({ label, index })));
  const order = shuffled(all, randomOf(seed, ORDER, epoch));
  return Array.from({ length: Math.max(1, Math.round(all.length / batch)) }, (_, i) =>
    Array.from({ length: batch }, (_, slot) => order[(i * batch + slot) % order.length] as Sample),
  );
}

/** For each image of a batch the index of a random one of another class (its own where there is none). */
export function negativesOf(labels: readonly number[], seed: number, epoch: number, batchIndex: number): Int32Array {
  const random = randomOf(seed, ORDER, epoch, batchIndex);
  return Int32Array.from(labels, (label, i) => {
    const others = labels.flatMap((other, j) => (other === label ? [] : [j]));
    return others.length === 0 ? i : (others[Math.floor(random() * others.length)] as number);
  });
}

/** Numbers 0..count-1 in random order, again and again in new orders. */
function cycle(count: number, random: () => number): () => number {
  const numbers = Array.from({ length: count }, (_, i) => i);
  let order: number[] = [];
  return () => {
    if (order.length === 0) order = shuffled(numbers, random);
    return order.pop() as number;
  };
}
