import { smoothstep, valueNoise } from './noise.js';
import { type Pose, toProduct } from './product.js';
import type { Random } from './random.js';
import { type Colour, eachPixel, paint, type Surface } from './surface.js';

/** How strongly (0..1) a blemish covers a point in product coordinates. */
export type Shape = (u: number, v: number) => number;

/** A crooked line: scratch or crack. Lengths in 1/256 of the image. */
export function crookedLine(random: Random, reach: number, length: number, width: number): Shape {
  const at = random.angle();
  const centre = [Math.cos(at) * reach, Math.sin(at) * reach] as const;
  const direction = random.angle();
  const cos = Math.cos(direction);
  const sin = Math.sin(direction);
  const wander = valueNoise(random.seed());
  const bend = length * 0.09;
  return (u, v) => {
    const along = (u - centre[0]) * cos + (v - centre[1]) * sin;
    const across = (v - centre[1]) * cos - (u - centre[0]) * sin - bend * wander(along / (length * 0.16), 0.5);
    const taper = Math.max(0, 1 - (2 * Math.abs(along)) / length);
    return taper <= 0 ? 0 : smoothstep(1, 0.3, Math.abs(across) / (width * Math.sqrt(taper)));
  };
}

/** An irregular spot: stain, burn, dirt or dent. */
export function spot(random: Random, reach: number, radius: number): Shape {
  const at = random.angle();
  const [cu, cv] = [Math.cos(at) * reach, Math.sin(at) * reach];
  const edge = valueNoise(random.seed());
  const squash = random.range(0.65, 1);
  return (u, v) => {
    const du = u - cu;
    const dv = (v - cv) / squash;
    const rough = 1 + 0.35 * edge(4 + (1.4 * du) / radius, 4 + (1.4 * dv) / radius);
    return smoothstep(1.15, 0.75, Math.hypot(du, dv) / (radius * rough));
  };
}

/** What a blemish does to what it covers, each share of full coverage. */
export interface Effect {
  readonly colour?: Colour;
  readonly opacity?: number;
  /** Added height in pixels; negative digs. */
  readonly height?: number;
  /** Added gloss. */
  readonly gloss?: number;
}

/** Applies a blemish to the product (not to the belt) and marks it in the mask. */
export function blemish(surface: Surface, pose: Pose, shape: Shape, effect: Effect): void {
  eachPixel(surface, (i, x, y) => {
    const cover = (surface.height[i] ?? 0) > 1 ? shape(...toProduct(pose, x, y)) : 0;
    if (cover <= 0.02) return;
    if (effect.colour) paint(surface, i, effect.colour, cover * (effect.opacity ?? 1));
    surface.height[i] = (surface.height[i] ?? 0) + cover * (effect.height ?? 0);
    surface.gloss[i] = Math.max(0, (surface.gloss[i] ?? 0) + cover * (effect.gloss ?? 0));
    if (cover > 0.3) surface.mask[i] = 1;
  });
}
