import { type Random, shuffled } from './random.js';

interface JitterStrength {
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
  readonly hue: number;
}

type Pixels = Uint8Array;

/** Luma weights of ITU-R BT.601, as PIL and torchvision use them. */
const luma = (r: number, g: number, b: number) => 0.299 * r + 0.587 * g + 0.114 * b;

const clamp = (value: number) => (value < 0 ? 0 : value > 255 ? 255 : value + 0.5);

/** torchvision's ColorJitter: brightness, contrast, saturation and hue in random order. Changes `pixels`. */
export function jitter(pixels: Pixels, strength: JitterStrength, random: Random): Pixels {
  const factor = (by: number) => Math.max(0, 1 + (2 * random() - 1) * by);
  const steps = [
    ((f) => blend(pixels, f, () => 0))(factor(strength.brightness)),
    ((f) => () => {
      const mean = meanLuma(pixels);
      blend(pixels, f, () => mean)();
    })(factor(strength.contrast)),
    ((f) => blend(pixels, f, luma))(factor(strength.saturation)),
    (
      (turn) => () =>
        rotateHue(pixels, turn)
    )((2 * random() - 1) * strength.hue),
  ];
  for (const step of shuffled(steps, random)) step();
  return pixels;
}

/** Every pixel's luma in all three channels. Changes `pixels`. */
export function greyscale(pixels: Pixels): Pixels {
  blend(pixels, 0, luma)();
  return pixels;
}

/** other + factor * (pixel - other), channel by channel. */
function blend(pixels: Pixels, factor: number, other: (r: number, g: number, b: number) => number): () => void {
  return () => {
    for (let i = 0; i < pixels.length; i += 3) {
      const [r, g, b] = [pixels[i] as number, pixels[i + 1] as number, pixels[i + 2] as number];
      const base = other(r, g, b) * (1 - factor);
      pixels[i] = clamp(base + r * factor);
      pixels[i + 1] = clamp(base + g * factor);
      pixels[i + 2] = clamp(base + b * factor);
    }
  };
}

function meanLuma(pixels: Pixels): number {
  let sum = 0;
  for (let i = 0; i < pixels.length; i += 3) {
    sum += luma(pixels[i] as number, pixels[i + 1] as number, pixels[i + 2] as number);
  }
  return sum / (pixels.length / 3);
}

/** Turns the hue of every pixel by `turn` of a full circle, keeping HSV saturation and value. */
function rotateHue(pixels: Pixels, turn: number): void {
  for (let i = 0; i < pixels.length; i += 3) {
    const [r, g, b] = [pixels[i] as number, pixels[i + 1] as number, pixels[i + 2] as number];
    const value = Math.max(r, g, b);
    const chroma = value - Math.min(r, g, b);
    if (chroma === 0) continue;
    const sector = value === r ? (g - b) / chroma : value === g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
    const hue = (((sector / 6 + turn) % 1) + 1) % 1;
    for (let channel = 0; channel < 3; channel++) {
      // HSV to RGB: channel n = 5, 3, 1 for red, green, blue.
      const k = (5 - 2 * channel + hue * 6) % 6;
      pixels[i + channel] = clamp(value - chroma * Math.max(0, Math.min(k, 4 - k, 1)));
    }
  }
}

/** Gaussian blur of [S,S,3], separable, three sigma wide, edges repeated. */
export function blur(pixels: Pixels, size: number, sigma: number): Pixels {
  const radius = Math.max(1, Math.ceil(3 * sigma));
  const kernel = Float32Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  );
  const total = kernel.reduce((sum, weight) => sum + weight, 0);
  const rows = new Float32Array(pixels.length);
  convolve(pixels, rows, size, size * 3, 3, kernel, total);
  const result = new Uint8Array(pixels.length);
  convolve(rows, result, size, 3, size * 3, kernel, total, 0.5);
  return result;
}

/** Convolves along the axis of stride `along`, for every position of the axis of stride `across`. */
function convolve(
  source: Float32Array | Uint8Array,
  target: Float32Array | Uint8Array,
  size: number,
  across: number,
  along: number,
  kernel: Float32Array,
  total: number,
  rounding = 0,
): void {
  const radius = (kernel.length - 1) / 2;
  for (let line = 0; line < size; line++) {
    for (let at = 0; at < size; at++) {
      let [r, g, b] = [0, 0, 0];
      for (let k = 0; k < kernel.length; k++) {
        const neighbour = Math.min(size - 1, Math.max(0, at + k - radius));
        const i = line * across + neighbour * along;
        const weight = kernel[k] as number;
        r += (source[i] as number) * weight;
        g += (source[i + 1] as number) * weight;
        b += (source[i + 2] as number) * weight;
      }
      const i = line * across + at * along;
      target[i] = r / total + rounding;
      target[i + 1] = g / total + rounding;
      target[i + 2] = b / total + rounding;
    }
  }
}
