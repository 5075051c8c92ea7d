import sharp from 'sharp';

/** An image as the model saw it, with what it found. */
export interface Finding {
  /** 8-bit RGB [S,S,3]. */
  readonly pixels: Uint8Array;
  /** Anomaly map [S,S]. */
  readonly map: Float32Array;
  readonly size: number;
  /** Ground truth [S,S] of 0 and 1. */
  readonly mask?: Uint8Array | undefined;
}

/** Outline of the ground truth. */
const OUTLINE = [0, 220, 255] as const;

/** The image alone as a data: URL (JPEG). */
export async function plain({ pixels, size }: Pick<Finding, 'pixels' | 'size'>): Promise<string> {
  return jpeg(pixels, size);
}

/**
 * The image with its anomaly map over it and the ground truth outlined, as a data: URL (JPEG). Red grows with the map's
 * value from `low` to `high`.
 */
export async function overlay(finding: Finding, low: number, high: number): Promise<string> {
  const { pixels, map, size, mask } = finding;
  const mixed = pixels.map((value, i) => {
    const pixel = Math.floor(i / 3);
    if (mask && isBorder(mask, size, pixel)) return OUTLINE[(i % 3) as 0 | 1 | 2];
    const heat = Math.min(1, Math.max(0, ((map[pixel] as number) - low) / (high - low || 1)));
    const colour = i % 3 === 0 ? 255 : 32;
    return value * (1 - 0.7 * heat) + colour * 0.7 * heat;
  });
  return jpeg(mixed, size);
}

/** A normal pixel with a marked one beside it: the outline lies around the defect, not on it. */
function isBorder(mask: Uint8Array, size: number, pixel: number): boolean {
  if (mask[pixel] === 1) return false;
  const column = pixel % size;
  return (
    (column > 0 && mask[pixel - 1] === 1) ||
    (column < size - 1 && mask[pixel + 1] === 1) ||
    mask[pixel - size] === 1 ||
    mask[pixel + size] === 1
  );
}

async function jpeg(pixels: Uint8Array, size: number): Promise<string> {
  const encoded = await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
    .jpeg({ quality: 82 })
    .toBuffer();
  return `data:image/jpeg;base64,${encoded.toString('base64')}`;
}
