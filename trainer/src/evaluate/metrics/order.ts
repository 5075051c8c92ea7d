/**
 * Indices of `scores` from the highest score to the lowest (radix sort: two passes of 16 bits over keys that order like the
 * floats). 13 million scores, 200 maps of 256x256, take about a second where a comparison sort takes ten.
 * @param scores finite float32
 */
export function descendingOrder(scores: Float32Array): Uint32Array {
  const bits = new Uint32Array(scores.slice().buffer);
  // IEEE 754 orders like sign-magnitude integers: flip all bits of negatives, the sign of the rest; then invert for descending.
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i] as number;
    bits[i] = ~(word & 0x80000000 ? ~word : word | 0x80000000);
  }
  let order = new Uint32Array(scores.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  for (const shift of [0, 16]) order = radixPass(bits, order, shift);
  return order;
}

const BUCKETS = 0x10000;

function radixPass(keys: Uint32Array, order: Uint32Array, shift: number): Uint32Array<ArrayBuffer> {
  const starts = new Uint32Array(BUCKETS + 1);
  for (let i = 0; i < keys.length; i++) {
    const bucket = ((keys[i] as number) >>> shift) & 0xffff;
    starts[bucket + 1] = (starts[bucket + 1] as number) + 1;
  }
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    starts[bucket + 1] = (starts[bucket + 1] as number) + (starts[bucket] as number);
  }
  const result = new Uint32Array(order.length);
  for (let i = 0; i < order.length; i++) {
    const item = order[i] as number;
    const bucket = ((keys[item] as number) >>> shift) & 0xffff;
    const at = starts[bucket] as number;
    result[at] = item;
    starts[bucket] = at + 1;
  }
  return result;
}
