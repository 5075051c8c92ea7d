import { blemish, crookedLine, spot } from '../blemish.js';
import { fractalNoise, mix, smoothstep } from '../noise.js';
import { type Product, toProduct } from '../product.js';
import { type Colour, eachPixel, paint } from '../surface.js';

const PALE: Colour = [0.66, 0.4, 0.15];
const BAKED: Colour = [0.34, 0.14, 0.035];

/** A butter biscuit: scalloped edge, rings of docker holes, browner toward the rim. */
export const biscuit: Product = {
  name: 'biscuit',
  defects: ['broken_edge', 'crack', 'burnt', 'foreign_body'],
  draw(surface, pose, random, defect) {
    const crumb = fractalNoise(random.seed(), 4);
    const oven = fractalNoise(random.seed(), 2);
    const bake = random.range(0.05, 0.25);
    const oval = random.range(0.97, 1.03);
    const bite = defect === 'broken_edge' ? spot(random, 92, random.range(14, 26)) : () => 0;
    eachPixel(surface, (i, x, y) => {
      const [u, v] = toProduct(pose, x, y);
      const radius = Math.hypot(u * oval, v / oval);
      if (radius > 100) return;
      const angle = Math.atan2(v, u);
      const edge = 90 + 3.2 * Math.cos(22 * angle) + 1.5 * oven(u / 30, v / 30);
      const rim = smoothstep(edge + 1, edge - 1.5, radius);
      const gone = bite(u, v);
      if (rim > 0.5 && gone > 0.4) surface.mask[i] = 1;
      const body = rim * smoothstep(0.65, 0.4, gone);
      if (body <= 0) return;
      const rough = crumb(u / 9, v / 9);
      const holes = docker(u, v);
      const dome = 11 * Math.sqrt(Math.max(0.08, 1 - (radius / (edge + 4)) ** 4));
      surface.height[i] = body * (dome + 1.5 * rough - 4.5 * holes);
      const brown = Math.min(
        1,
        Math.max(0, bake + 0.6 * smoothstep(52, 94, radius) + 0.3 * oven(u / 38, v / 38) + 0.3 * rough),
      );
      const inside = 1 - 0.45 * holes;
      paint(
        surface,
        i,
        [0, 1, 2].map((c) => mix(PALE[c] ?? 0, BAKED[c] ?? 0, brown) * inside) as unknown as Colour,
        body,
      );
      surface.gloss[i] = body * 0.05;
    });
    if (defect === 'crack') {
      const line = crookedLine(random, random.range(15, 50), random.range(50, 95), random.range(2, 3.4));
      blemish(surface, pose, line, { height: -4, colour: [0.16, 0.07, 0.02], opacity: 0.6 });
    }
    if (defect === 'burnt') {
      const scorch = spot(random, random.range(20, 70), random.range(10, 20));
      blemish(surface, pose, scorch, { colour: [0.07, 0.03, 0.012], opacity: random.range(0.5, 0.85) });
    }
    if (defect === 'foreign_body') {
      const scrap = spot(random, random.range(10, 70), random.range(4, 7));
      blemish(surface, pose, scrap, { colour: [0.06, 0.16, 0.4], height: 3, gloss: 0.4 });
    }
  },
};

/** Holes of the docker: one in the middle, rings of 6 and 12. */
function docker(u: number, v: number): number {
  const radius = Math.hypot(u, v);
  const ring = Math.min(2, Math.round(radius / 30));
  const count = ring * 6;
  const step = count === 0 ? 0 : (2 * Math.PI) / count;
  const nearest = count === 0 ? 0 : Math.round(Math.atan2(v, u) / step) * step;
  const distance = Math.hypot(u - ring * 30 * Math.cos(nearest), v - ring * 30 * Math.sin(nearest));
  return smoothstep(4.2, 2, distance);
}
