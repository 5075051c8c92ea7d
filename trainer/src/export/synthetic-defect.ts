/** Half the side of the defect, as a share of the image. */
const REACH = 1 / 12;

/**
 * A copy of 8-bit RGB [S,S,3] with a patch in the middle inverted: an obvious defect for the self-test of a device,
 * which must tell it from the good image just as the trainer did.
 */
export function syntheticDefect(pixels: Uint8Array, size: number): Uint8Array {
  const copy = pixels.slice();
  const [from, to] = [Math.floor(size * (0.5 - REACH)), Math.ceil(size * (0.5 + REACH))];
  for (let row = from; row < to; row++) {
    for (let i = (row * size + from) * 3; i < (row * size + to) * 3; i++) copy[i] = 255 - (copy[i] as number);
  }
  return copy;
}
