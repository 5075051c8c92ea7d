import { blemish, crookedLine, spot } from '../blemish.js';
import { fractalNoise, smoothstep } from '../noise.js';
import { type Product, toProduct } from '../product.js';
import { eachPixel, paint } from '../surface.js';

const TEETH = 18;
const OUTER = 92;
const TOOTH = 12;
const BORE = 27;
const THICK = 9;
/** One tooth's angle. */
const PITCH = (2 * Math.PI) / TEETH;

/** A turned steel gear: brushed face, groove, bore with a keyway. */
export const gear: Product = {
  name: 'gear',
  defects: ['tooth_missing', 'scratch', 'rust'],
  draw(surface, pose, random, defect) {
    const tone = random.range(0.3, 0.36);
    const brushed = fractalNoise(random.seed(), 3);
    const broken = defect === 'tooth_missing' ? Math.floor(random.range(0, TEETH)) : -1;
    const depth = random.range(0.45, 1);
    const ragged = fractalNoise(random.seed(), 2);
    eachPixel(surface, (i, x, y) => {
      const [u, v] = toProduct(pose, x, y);
      const radius = Math.hypot(u, v);
      if (radius > OUTER + 3) return;
      const angle = (Math.atan2(v, u) + 2 * Math.PI) % (2 * Math.PI);
      const whole = outline(angle);
      const lost = Math.floor(angle / PITCH) === broken ? (TOOTH + 1) * depth + 2 * ragged(u / 4, v / 4) : 0;
      const edge = Math.min(whole, OUTER - lost);
      const keyway = Math.abs(v) < 6 && u > 0 ? 34 : BORE;
      const body = smoothstep(edge + 1, edge - 1.4, radius) * smoothstep(keyway - 1, keyway + 1.4, radius);
      if (radius < whole && radius > edge && surface.mask[i] === 0) surface.mask[i] = 1;
      if (body <= 0) return;
      const groove = smoothstep(3.5, 1, Math.abs(radius - 62)) * 2.2 + smoothstep(2, 0.6, Math.abs(radius - 40)) * 1.1;
      const grain = brushed(radius * 1.1, angle * 2.4);
      surface.height[i] = body * (THICK - groove + 0.22 * grain);
      paint(surface, i, [tone * (1 + 0.1 * grain), tone * (1.01 + 0.1 * grain), tone * (1.04 + 0.1 * grain)], body);
      surface.gloss[i] = body * (0.62 + 0.12 * grain);
    });
    if (defect === 'scratch') {
      const line = crookedLine(random, 58, random.range(28, 60), random.range(1.5, 2.6));
      blemish(surface, pose, line, { height: -1.1, colour: [0.62, 0.62, 0.64], opacity: 0.6, gloss: 0.2 });
    }
    if (defect === 'rust') {
      const bloom = spot(random, random.range(45, 76), random.range(6, 14));
      blemish(surface, pose, bloom, {
        colour: [0.24, 0.1, 0.04],
        opacity: random.range(0.5, 0.9),
        gloss: -0.45,
        height: 0.2,
      });
    }
  },
};

/** Radius of the toothed outline at an angle: a rounded trapezoid per tooth. */
function outline(angle: number): number {
  const phase = Math.abs(((angle / PITCH) % 1) - 0.5);
  return OUTER - TOOTH * smoothstep(0.19, 0.33, phase);
}
