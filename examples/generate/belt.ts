import { fractalNoise } from './noise.js';
import type { Random } from './random.js';
import { eachPixel, paint, type Surface } from './surface.js';

/** The conveyor belt below the product: dark woven rubber, a little dusty, never at the same place. */
export function drawBelt(surface: Surface, random: Random): void {
  const tone = random.range(0.05, 0.06);
  const dust = fractalNoise(random.seed(), 4);
  const shift = random.range(0, 8);
  const pitch = (surface.size / 256) * 5;
  eachPixel(surface, (i, x, y) => {
    const weave = Math.sin(((x + shift) / pitch) * Math.PI) * Math.sin(((y + shift) / pitch) * Math.PI);
    surface.height[i] = 0.35 * weave + 0.25 * dust(x / 3, y / 3);
    const shade = tone * (1 + 0.35 * dust(x / 20, y / 20));
    paint(surface, i, [shade, shade * 1.05, shade * 1.08], 1);
    surface.gloss[i] = 0.08;
  });
}
