import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** A source of uniform numbers in [0, 1). */
export type Random = () => number;

/**
 * Random numbers that depend on `keys` alone (seed, epoch, image ...): nothing has to be carried over a restart, and
 * the order in which images are prepared does not matter.
 */
export function randomOf(...keys: readonly number[]): Random {
  // 32-bit FNV-1a over the keys' bytes.
  let hash = 0x811c9dc5;
  for (const key of keys) {
    for (let shift = 0; shift < 32; shift += 8) hash = Math.imul(hash ^ ((key >>> shift) & 0xff), 0x01000193);
  }
  const generator = xoroshiro128plus(hash);
  return () => uniformFloat64(generator);
}

/** A shuffled copy (Fisher-Yates). */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}
