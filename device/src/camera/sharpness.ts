/**
 * How sharp a grey image is: variance of its Laplacian (Pech-Pacheco et al. 2000). Compare only images of the same scene and size.
 * @param grey [height, width]
 */
export function sharpnessOf(grey: Uint8Array, width: number, height: number): number {
  let [count, mean, squares] = [0, 0, 0];
  for (let y = 1; y < height - 1; y++) {
    for (let i = y * width + 1; i < (y + 1) * width - 1; i++) {
      const beside = (grey[i - 1] as number) + (grey[i + 1] as number);
      const edge = beside + (grey[i - width] as number) + (grey[i + width] as number) - 4 * (grey[i] as number);
      // Welford's update.
      const step = edge - mean;
      mean += step / ++count;
      squares += step * (edge - mean);
    }
  }
  return count === 0 ? 0 : squares / count;
}
