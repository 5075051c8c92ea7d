/** Colours from calm to alarming, ever brighter, so that they also read in grey: share of the range, red, green, blue. */
const ANCHORS = [
  [0, 12, 7, 60],
  [0.25, 95, 15, 110],
  [0.5, 190, 50, 80],
  [0.75, 245, 125, 20],
  [1, 252, 250, 140],
] as const;

/** Below this share of the range nothing is drawn; from there to the middle it fades in. */
const CLEAR = 0.2;

const PALETTE = palette();

/**
 * Colours shares 0..1 of a range as RGBA to lay over a picture: transparent where low, opaque from the middle on.
 * @returns 8-bit RGBA, four times as many numbers
 */
export function colourise(shares: ArrayLike<number>): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint32Array(shares.length);
  for (let i = 0; i < shares.length; i++) {
    const share = shares[i] as number;
    pixels[i] = PALETTE[share > 0 ? Math.min(255, Math.round(share * 255)) : 0] as number;
  }
  return new Uint8ClampedArray(pixels.buffer);
}

/** 256 RGBA colours, each in the memory order of this machine. */
function palette(): Uint32Array {
  const bytes = new Uint8ClampedArray(256 * 4);
  for (let level = 0; level < 256; level++) {
    const share = level / 255;
    const upper = Math.max(
      1,
      ANCHORS.findIndex(([at]) => at >= share),
    );
    const [from, to] = [ANCHORS[upper - 1] as (typeof ANCHORS)[0], ANCHORS[upper] as (typeof ANCHORS)[1]];
    const t = (share - from[0]) / (to[0] - from[0]);
    for (const c of [1, 2, 3] as const) bytes[level * 4 + c - 1] = from[c] + (to[c] - from[c]) * t;
    bytes[level * 4 + 3] = 255 * Math.min(1, Math.max(0, (share - CLEAR) / (0.5 - CLEAR)));
  }
  return new Uint32Array(bytes.buffer);
}
