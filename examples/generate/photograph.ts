import type { Random } from './random.js';
import type { Surface } from './surface.js';

/**
 * Photographs a surface under one lamp: shading from the slope, a soft cast shadow, highlights, falling light,
 * white balance, exposure, lens blur and sensor noise, each a little different every time.
 * @returns 8-bit sRGB, [size, size, 3]
 */
export function photograph(surface: Surface, random: Random): Uint8Array {
  const { size } = surface;
  const lamp = aim(random);
  const at = sampler(surface);
  const balance = [random.range(0.97, 1.03), 1, random.range(0.96, 1.04)];
  const exposure = random.range(0.94, 1.06);
  const falloff = { x: random.range(-0.12, 0.12), y: random.range(-0.12, 0.12) };
  const linear = new Float32Array(size * size * 3);
  for (let y = 0, i = 0; y < size; y++) {
    for (let x = 0; x < size; x++, i++) {
      const [diffuse, highlight] = shade(surface, at, x, y, lamp);
      const light = exposure * (1 + (falloff.x * (x - size / 2) + falloff.y * (y - size / 2)) / (size / 2));
      for (let c = 0; c < 3; c++) {
        linear[i * 3 + c] = light * (balance[c] ?? 1) * ((surface.albedo[i * 3 + c] ?? 0) * diffuse + highlight);
      }
    }
  }
  return develop(blur(linear, size), random);
}

interface Lamp {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** The lamp hangs upper left of the line and was never mounted quite straight. */
function aim(random: Random): Lamp {
  const direction = random.range(-0.15, 0.15) - (3 * Math.PI) / 4;
  const elevation = random.range(0.85, 0.98);
  const flat = Math.cos(elevation);
  return { x: Math.cos(direction) * flat, y: Math.sin(direction) * flat, z: Math.sin(elevation) };
}

function shade(surface: Surface, at: Heights, x: number, y: number, lamp: Lamp): [diffuse: number, highlight: number] {
  const here = at(x, y);
  const dx = (at(x + 1, y) - at(x - 1, y)) / 2;
  const dy = (at(x, y + 1) - at(x, y - 1)) / 2;
  const length = Math.hypot(dx, dy, 1);
  const facing = Math.max(0, (-dx * lamp.x - dy * lamp.y + lamp.z) / length);
  const lit = 1 - 0.75 * shadow(at, x, y, here, lamp);
  const gloss = surface.gloss[y * surface.size + x] ?? 0;
  // Blinn-Phong: the camera looks straight down, so the half vector lies between the lamp and (0, 0, 1).
  const half = Math.hypot(lamp.x, lamp.y, lamp.z + 1);
  const toward = Math.max(0, (-dx * lamp.x - dy * lamp.y + lamp.z + 1) / (half * length));
  return [0.28 + 0.85 * facing * lit, gloss * lit * (0.1 * toward ** 12 + 0.5 * toward ** 60)];
}

type Heights = (x: number, y: number) => number;

function sampler({ height, size }: Surface): Heights {
  const clamp = (v: number) => (v < 0 ? 0 : v >= size ? size - 1 : v);
  return (x, y) => height[clamp(y) * size + clamp(x)] ?? 0;
}

/** 0 in full light, 1 in full shadow: how far the highest thing toward the lamp rises over the ray. */
function shadow(at: Heights, x: number, y: number, here: number, lamp: Lamp): number {
  const flat = Math.hypot(lamp.x, lamp.y);
  const rise = lamp.z / flat;
  let deepest = 0;
  for (let step = 1; step <= 14; step++) {
    const over =
      at(Math.round(x + (lamp.x / flat) * step), Math.round(y + (lamp.y / flat) * step)) - here - rise * step;
    if (over > deepest) deepest = over;
  }
  return Math.min(1, deepest / 3);
}

/** Separable [1, 4, 1] / 6: the lens. */
function blur(image: Float32Array, size: number): Float32Array {
  return pass(pass(image, size, 3), size, size * 3);
}

function pass(image: Float32Array, size: number, stride: number): Float32Array {
  const out = new Float32Array(image.length);
  for (let i = 0; i < image.length; i++) {
    const along = Math.floor(i / stride) % size;
    const here = image[i] ?? 0;
    const before = along > 0 ? (image[i - stride] ?? here) : here;
    const after = along < size - 1 ? (image[i + stride] ?? here) : here;
    out[i] = (before + 4 * here + after) / 6;
  }
  return out;
}

/** Sensor noise (grows with the light) and the sRGB curve. */
function develop(linear: Float32Array, random: Random): Uint8Array {
  return Uint8Array.from(linear, (value) => {
    const grain =
      (random.next() + random.next() + random.next() - 1.5) * (0.004 + 0.016 * Math.sqrt(Math.max(0, value)));
    const light = Math.min(1, Math.max(0, value + grain));
    const coded = light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055;
    return Math.round(coded * 255);
  });
}
