/**
 * Indices of `scores` from the highest score to the lowest: a radix sort over keys that order like the floats, in three passes
 * of 11 bits, so that a pass writes to few enough places for the processor's caches. Keys travel with their indices.
 * @param scores finite float32
 */
export function descendingOrder(scores: Float32Array): Uint32Array {
  const bits = new Uint32Array(scores.slice().buffer);
  // IEEE 754 orders like sign-magnitude integers: flip all bits of negatives, the sign of the rest; then invert for descending.
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i] as number;
    bits[i] = ~(word & 0x80000000 ? ~word : word | 0x80000000);
  }
  const order = new Uint32Array(bits.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  let from: Pairs = { keys: bits, order };
  let to: Pairs = { keys: new Uint32Array(bits.length), order: new Uint32Array(bits.length) };
  for (const shift of [0, 11, 22]) {
    radixPass(from, to, shift);
    [from, to] = [to, from];
  }
  return from.order;
}

interface Pairs {
  readonly keys: Uint32Array;
  readonly order: Uint32Array;
}

const BUCKETS = 0x800;

/** Writes the pairs into `to`, stably sorted by 11 bits of their keys. */
function radixPass({ keys, order }: Pairs, to: Pairs, shift: number): void {
  const starts = new Uint32Array(BUCKETS + 1);
  for (let i = 0; i < keys.length; i++) {
    const bucket = ((keys[i] as number) >>> shift) & (BUCKETS - 1);
    starts[bucket + 1] = (starts[bucket + 1] as number) + 1;
  }
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    starts[bucket + 1] = (starts[bucket + 1] as number) + (starts[bucket] as number);
  }
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as number;
    const bucket = (key >>> shift) & (BUCKETS - 1);
    const at = starts[bucket] as number;
    to.keys[at] = key;
    to.order[at] = order[i] as number;
    starts[bucket] = at + 1;
  }
}
