/** Smooth noise over the plane, mean 0, about -1..1. */
export type Noise = (x: number, y: number) => number;

/** Value noise on the integer lattice with smooth interpolation. */
export function valueNoise(seed: number): Noise {
  const lattice = (x: number, y: number) => {
    let h = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ seed;
    h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 31 - 1;
  };
  return (x, y) => {
    const x0 = Math.floor(x);
    const y0 = Math.floor(y);
    const u = fade(x - x0);
    const v = fade(y - y0);
    const top = mix(lattice(x0, y0), lattice(x0 + 1, y0), u);
    const bottom = mix(lattice(x0, y0 + 1), lattice(x0 + 1, y0 + 1), u);
    return mix(top, bottom, v);
  };
}

/** Sum of octaves of value noise, each twice as fine and half as strong. */
export function fractalNoise(seed: number, octaves: number): Noise {
  const layers = Array.from({ length: octaves }, (_, i) => valueNoise(seed + i * 7919));
  return (x, y) => layers.reduce((sum, layer, i) => sum + layer(x * 2 ** i, y * 2 ** i) / 2 ** (i + 1), 0);
}

export const mix = (a: number, b: number, t: number) => a + (b - a) * t;

/** 0 below `from`, 1 above `to`, smooth between. */
export function smoothstep(from: number, to: number, x: number): number {
  return fade(Math.min(1, Math.max(0, (x - from) / (to - from))));
}

const fade = (t: number) => t * t * (3 - 2 * t);
