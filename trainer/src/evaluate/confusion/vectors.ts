/** A vector brought to length 1; a zero vector stays. */
export function unitLength(vector: ArrayLike<number>): Float32Array {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += (vector[i] as number) ** 2;
  const length = Math.sqrt(sum) || 1;
  return Float32Array.from(vector, (value) => value / length);
}

/** Mean of vectors of one length. */
export function meanOf(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float64Array(vectors[0]?.length ?? 0);
  for (const vector of vectors)
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (vector[i] as number);
  return Float32Array.from(sum, (value) => value / vectors.length);
}

/** Index of the candidate with the least squared Euclidean distance. */
export function nearestOf(vector: Float32Array, candidates: readonly Float32Array[]): number {
  let [nearest, least] = [0, Number.POSITIVE_INFINITY];
  for (const [i, candidate] of candidates.entries()) {
    let distance = 0;
    for (let d = 0; d < vector.length; d++) distance += ((vector[d] as number) - (candidate[d] as number)) ** 2;
    if (distance < least) [nearest, least] = [i, distance];
  }
  return nearest;
}
