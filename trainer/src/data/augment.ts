import { blur, greyscale, jitter } from './photometric.js';
import type { Random } from './random.js';
import { type Affine, warp } from './warp.js';

/** How strongly the second view differs; the reference's values (torchvision's names and semantics). */
export interface AugmentConfig {
  /** ColorJitter: brightness, contrast and saturation by a factor in 1 +- this, hue by a turn of +- this. */
  readonly jitter: {
    readonly brightness: number;
    readonly contrast: number;
    readonly saturation: number;
    readonly hue: number;
  };
  readonly greyscaleProbability: number;
  readonly blurProbability: number;
  readonly blurSigma: readonly [number, number];
  /** Crop, flips and rotation; undefined keeps the views aligned, as a local window that is not the whole map needs. */
  readonly geometry?: { readonly minArea: number; readonly flip: boolean; readonly rotationDegrees: number };
}

export const PHOTOMETRIC: AugmentConfig = {
  jitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
  greyscaleProbability: 0.2,
  blurProbability: 0.5,
  blurSigma: [0.1, 2],
};

export const FULL: AugmentConfig = { ...PHOTOMETRIC, geometry: { minArea: 0.8, flip: true, rotationDegrees: 15 } };

/** A random view of 8-bit RGB `pixels` [S,S,3], as a new array. */
export function augment(pixels: Uint8Array, size: number, config: AugmentConfig, random: Random): Uint8Array {
  const { geometry } = config;
  let view = geometry ? warp(pixels, size, randomAffine(size, geometry, random)) : pixels.slice();
  view = jitter(view, config.jitter, random);
  if (random() < config.greyscaleProbability) view = greyscale(view);
  const [low, high] = config.blurSigma;
  const sigma = low + (high - low) * random();
  return random() < config.blurProbability ? blur(view, size, sigma) : view;
}

/** RandomResizedCrop (square), flips and rotation in one transform, so that pixels are interpolated once. */
function randomAffine(
  size: number,
  { minArea, flip, rotationDegrees }: NonNullable<AugmentConfig['geometry']>,
  random: Random,
): Affine {
  const side = Math.sqrt(minArea + (1 - minArea) * random());
  const room = (1 - side) * size;
  const [left, top] = [random() * room, random() * room];
  const angle = ((2 * random() - 1) * rotationDegrees * Math.PI) / 180;
  const mirror = [flip && random() < 0.5 ? -1 : 1, flip && random() < 0.5 ? -1 : 1] as const;
  const [cos, sin] = [Math.cos(angle) * side, Math.sin(angle) * side];
  const [a, b, c, d] = [cos * mirror[0], -sin * mirror[1], sin * mirror[0], cos * mirror[1]];
  const centre = (size - 1) / 2;
  const [x, y] = [left + side * centre, top + side * centre];
  return { a, b, c, d, x: x - a * centre - b * centre, y: y - c * centre - d * centre };
}
