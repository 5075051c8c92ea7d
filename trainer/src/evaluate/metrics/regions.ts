/** Connected regions of a mask [height,width] of 0 and 1: label 1..count of every marked pixel, 8-connected. */
export interface Regions {
  readonly labels: Uint32Array;
  /** Pixels of each region, in label order. */
  readonly sizes: readonly number[];
}

/** Labels 8-connected regions by flood fill. */
export function labelRegions(mask: Uint8Array, width: number): Regions {
  const labels = new Uint32Array(mask.length);
  const sizes: number[] = [];
  const stack: number[] = [];
  for (let start = 0; start < mask.length; start++) {
    if (mask[start] === 0 || labels[start] !== 0) continue;
    const label = sizes.length + 1;
    labels[start] = label;
    stack.push(start);
    let size = 0;
    for (let pixel = stack.pop(); pixel !== undefined; pixel = stack.pop()) {
      size++;
      visitNeighbours(pixel, width, mask.length, (neighbour) => {
        if (mask[neighbour] === 0 || labels[neighbour] !== 0) return;
        labels[neighbour] = label;
        stack.push(neighbour);
      });
    }
    sizes.push(size);
  }
  return { labels, sizes };
}

function visitNeighbours(pixel: number, width: number, length: number, visit: (neighbour: number) => void): void {
  const column = pixel % width;
  const [from, to] = [column > 0 ? -1 : 0, column < width - 1 ? 1 : 0];
  for (let row = -1; row <= 1; row++) {
    for (let step = from; step <= to; step++) {
      const neighbour = pixel + row * width + step;
      if (neighbour !== pixel && neighbour >= 0 && neighbour < length) visit(neighbour);
    }
  }
}
