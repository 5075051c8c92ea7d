import { labelRegions } from './regions.js';

/** Maps of one set: `count` maps of [height,width], one after the other, and their masks of 0 and 1. */
export interface MapSet {
  readonly maps: Float32Array;
  readonly masks: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** A point of the curve: mean share of each region found, against the share of normal pixels called defective. */
export interface ProPoint {
  readonly falsePositiveRate: number;
  readonly overlap: number;
}

/**
 * Area under the per-region-overlap curve up to a false positive rate, divided by that rate (Bergmann et al. 2020), exact: a
 * threshold at every distinct score, 8-connected regions, every region of the same weight, trapezoids with linear
 * interpolation at the limit. null without a region or a normal pixel.
 * @param order indices of the maps' scores, highest first
 */
export function aupro(set: MapSet, order: Uint32Array, limit = 0.3, visit?: (point: ProPoint) => void): number | null {
  const { maps } = set;
  const { weights, regions, normal } = pixelWeights(set);
  if (regions === 0 || normal === 0) return null;
  let [area, falsePositives, overlap] = [0, 0, 0];
  let [lastRate, lastOverlap] = [0, 0];
  for (let i = 0; i < order.length; i++) {
    const pixel = order[i] as number;
    const weight = weights[pixel] as number;
    if (weight === 0) falsePositives++;
    else overlap += weight;
    if (i + 1 < order.length && maps[order[i + 1] as number] === maps[pixel]) continue;
    const [rate, mean] = [falsePositives / normal, overlap / regions];
    if (rate >= limit) {
      const atLimit =
        rate === lastRate ? mean : lastOverlap + ((mean - lastOverlap) * (limit - lastRate)) / (rate - lastRate);
      visit?.({ falsePositiveRate: limit, overlap: atLimit });
      return (area + ((limit - lastRate) * (lastOverlap + atLimit)) / 2) / limit;
    }
    area += ((rate - lastRate) * (lastOverlap + mean)) / 2;
    visit?.({ falsePositiveRate: rate, overlap: mean });
    [lastRate, lastOverlap] = [rate, mean];
  }
  return area / limit;
}

/** Per pixel 1 / size of its region, 0 where it is normal. */
function pixelWeights({ maps, masks, width, height }: MapSet) {
  const weights = new Float64Array(maps.length);
  const area = width * height;
  let [regions, marked] = [0, 0];
  for (let start = 0; start < masks.length; start += area) {
    const { labels, sizes } = labelRegions(masks.subarray(start, start + area), width);
    regions += sizes.length;
    for (let i = 0; i < area; i++) {
      const label = labels[i] as number;
      if (label === 0) continue;
      marked++;
      weights[start + i] = 1 / (sizes[label - 1] as number);
    }
  }
  return { weights, regions, normal: masks.length - marked };
}
