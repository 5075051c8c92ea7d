/** Maps a target pixel (u, v) to the source position (a u + b v + x, c u + d v + y). */
export interface Affine {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly x: number;
  readonly y: number;
}

/** Bilinear warp of 8-bit RGB [S,S,3]; what lies outside mirrors the edge. */
export function warp(pixels: Uint8Array, size: number, { a, b, c, d, x, y }: Affine): Uint8Array {
  const result = new Uint8Array(pixels.length);
  for (let v = 0; v < size; v++) {
    for (let u = 0; u < size; u++) {
      const sx = mirror(a * u + b * v + x, size);
      const sy = mirror(c * u + d * v + y, size);
      const left = Math.floor(sx);
      const top = Math.floor(sy);
      const right = Math.min(left + 1, size - 1);
      const bottom = Math.min(top + 1, size - 1);
      const [fx, fy] = [sx - left, sy - top];
      const [topLeft, topRight] = [(top * size + left) * 3, (top * size + right) * 3];
      const [bottomLeft, bottomRight] = [(bottom * size + left) * 3, (bottom * size + right) * 3];
      const target = (v * size + u) * 3;
      for (let channel = 0; channel < 3; channel++) {
        const above = (pixels[topLeft + channel] as number) * (1 - fx) + (pixels[topRight + channel] as number) * fx;
        const below =
          (pixels[bottomLeft + channel] as number) * (1 - fx) + (pixels[bottomRight + channel] as number) * fx;
        result[target + channel] = above * (1 - fy) + below * fy + 0.5;
      }
    }
  }
  return result;
}

/** A position within 0..size-1, reflected at the outermost samples. */
function mirror(position: number, size: number): number {
  const last = size - 1;
  if (position >= 0 && position <= last) return position;
  const period = 2 * last;
  const wrapped = ((position % period) + period) % period;
  return wrapped <= last ? wrapped : period - wrapped;
}
