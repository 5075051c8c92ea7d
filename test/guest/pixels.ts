import type { Frame } from 'node-v4l2';

/** The most frequent value at each place of a pixel group of a plane, and what part of the groups has exactly these values. */
function dominant(data: Uint8Array, group: number): { values: number[]; share: number } {
  const counts = Array.from({ length: group }, () => new Uint32Array(256));
  for (let i = 0; i < data.length; i++) count(counts[i % group] as Uint32Array, data[i] as number);
  const values = counts.map((count) => count.indexOf(Math.max(...count)));
  let same = 0;
  for (let i = 0; i < data.length; i += group) if (values.every((value, at) => data[i + at] === value)) same++;
  return { values, share: same / (data.length / group) };
}

function count(counts: Uint32Array, value: number): void {
  counts[value] = (counts[value] as number) + 1;
}

/** Bytes that repeat in each plane of a picture of one colour. */
const GROUPS: Partial<Record<Frame['format'], readonly number[]>> = {
  YUYV: [4],
  UYVY: [4],
  NV12: [1, 2],
  NV21: [1, 2],
  YU12: [1, 1, 1],
  GREY: [1],
  Y10: [2],
  Y12: [2],
  Y16: [2],
  RGB24: [3],
  BGR24: [3],
  BGRx: [4],
};

/** The colour of a picture of one colour, plane by plane. */
export function colourOfPlanes(frame: Frame): { values: number[]; share: number }[] {
  return frame.planes.map(({ data }, plane) => dominant(data, GROUPS[frame.format]?.[plane] as number));
}
