/** Red, green and blue reflectance, linear light, 0..1. */
export type Colour = readonly [number, number, number];

/** What lies before the camera, pixel by pixel: shape, colour, gloss, and where it is defective. */
export interface Surface {
  readonly size: number;
  /** Height over the belt in pixels, [size * size]. */
  readonly height: Float32Array;
  /** Linear reflectance, [size * size * 3]. */
  readonly albedo: Float32Array;
  /** Strength of the highlight, 0 (chalk) .. 1 (polished steel), [size * size]. */
  readonly gloss: Float32Array;
  /** 1 where the product is defective, [size * size]. */
  readonly mask: Uint8Array;
}

export function emptySurface(size: number): Surface {
  return {
    size,
    height: new Float32Array(size * size),
    albedo: new Float32Array(size * size * 3),
    gloss: new Float32Array(size * size),
    mask: new Uint8Array(size * size),
  };
}

/** Covers a share (0..1) of pixel `i` with a colour. */
export function paint(surface: Surface, i: number, colour: Colour, share: number): void {
  for (let c = 0; c < 3; c++) {
    const old = surface.albedo[i * 3 + c] ?? 0;
    surface.albedo[i * 3 + c] = old + ((colour[c] ?? 0) - old) * share;
  }
}

/** Calls `visit` for every pixel with its centre in pixels. */
export function eachPixel(surface: Surface, visit: (i: number, x: number, y: number) => void): void {
  for (let y = 0, i = 0; y < surface.size; y++) for (let x = 0; x < surface.size; x++, i++) visit(i, x + 0.5, y + 0.5);
}
