import { blemish, crookedLine, spot } from '../blemish.js';
import { fractalNoise, smoothstep } from '../noise.js';
import { type Product, toProduct } from '../product.js';
import { type Colour, eachPixel, paint } from '../surface.js';

const RIM = 84;
const KNURLS = 60;
const INK: Colour = [0.78, 0.77, 0.72];

/** A moulded screw cap: knurled skirt, raised lip, print of a ring, a star and six bars. */
export const cap: Product = {
  name: 'cap',
  defects: ['misprint', 'scratch', 'dirt', 'dent'],
  draw(surface, pose, random, defect) {
    const plastic: Colour = [random.range(0.03, 0.045), random.range(0.12, 0.15), random.range(0.28, 0.34)];
    const mould = fractalNoise(random.seed(), 3);
    const registration = [random.range(-1.5, 1.5), random.range(-1.5, 1.5)] as const;
    const wipe = defect === 'misprint' ? spot(random, random.range(24, 44), random.range(10, 18)) : () => 0;
    const wear = fractalNoise(random.seed(), 3);
    eachPixel(surface, (i, x, y) => {
      const [u, v] = toProduct(pose, x, y);
      const radius = Math.hypot(u, v);
      if (radius > RIM + 3) return;
      const skirt = RIM - 2.2 * smoothstep(-0.3, 0.3, Math.cos(KNURLS * Math.atan2(v, u)));
      const body = smoothstep(skirt + 1, skirt - 1.4, radius);
      if (body <= 0) return;
      const shoulder = smoothstep(RIM, 74, radius);
      const lip = smoothstep(4, 0.5, Math.abs(radius - 66)) * 1.6;
      surface.height[i] = body * (6 + 9 * shoulder + lip + 0.25 * mould(u / 14, v / 14));
      paint(surface, i, plastic, body);
      surface.gloss[i] = body * (0.5 + 0.06 * mould(u / 5, v / 5));
      const ink = print(u - registration[0], v - registration[1]);
      const lost = wipe(u, v);
      if (ink > 0.4 && lost > 0.4) surface.mask[i] = 1;
      const worn = 0.93 + 0.07 * wear(u / 6, v / 6);
      paint(surface, i, INK, ink * worn * (1 - 0.95 * lost));
    });
    if (defect === 'scratch') {
      const line = crookedLine(random, random.range(15, 50), random.range(30, 70), random.range(1.4, 2.6));
      blemish(surface, pose, line, { height: -1, colour: [0.3, 0.36, 0.42], opacity: 0.65 });
    }
    if (defect === 'dirt') {
      const smear = spot(random, random.range(15, 60), random.range(6, 13));
      blemish(surface, pose, smear, { colour: [0.035, 0.028, 0.02], opacity: random.range(0.6, 0.95), gloss: -0.45 });
    }
    if (defect === 'dent') {
      const hollow = spot(random, random.range(20, 58), random.range(7, 12));
      blemish(surface, pose, hollow, { height: -random.range(3, 6) });
    }
  },
};

/** Coverage of the print, 0..1. */
function print(u: number, v: number): number {
  const radius = Math.hypot(u, v);
  const angle = Math.atan2(v, u);
  const ring = smoothstep(2.2, 1, Math.abs(radius - 52));
  const petal = 17 + 8 * Math.cos(5 * angle);
  const star = smoothstep(petal + 0.8, petal - 0.8, radius);
  const bars = smoothstep(0.9, 0.96, Math.cos(6 * angle)) * smoothstep(32, 33.5, radius) * smoothstep(45, 43.5, radius);
  return Math.max(ring, star, bars);
}
