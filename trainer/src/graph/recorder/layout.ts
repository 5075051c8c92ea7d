/**
 * Physical orders of logical axes. `order[p]` is the logical axis stored at physical position `p`:
 * a logical [N,H,W,C] tensor stored as NCHW has order [0,3,1,2].
 */
export type Order = readonly number[];

/** Row-major storage: physical axes are the logical ones. */
export function identity(rank: number): number[] {
  return Array.from({ length: rank }, (_, axis) => axis);
}

/** Physical dimensions of an extent stored in `order`. */
export function physical(extent: readonly number[], order: Order): number[] {
  return order.map((axis) => extent[axis] as number);
}

/** The axes that matter: an axis of extent 1 may lie anywhere without moving data. */
function significant(order: Order, extent: readonly number[]): number[] {
  return order.filter((axis) => extent[axis] !== 1);
}

export function sameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

/** Whether two orders store an extent identically, up to axes of extent 1. */
export function sameStorage(a: Order, b: Order, extent: readonly number[]): boolean {
  return sameList(significant(a, extent), significant(b, extent));
}

/** The order of a tensor seen with `added` more leading axes of extent 1. */
export function lift(order: Order, added: number): number[] {
  return [...identity(added), ...order.map((axis) => axis + added)];
}

/** The order of a tensor without its first `dropped` axes. */
export function lower(order: Order, dropped: number): number[] {
  return order.filter((axis) => axis >= dropped).map((axis) => axis - dropped);
}

/** Axes of a reshape that belong together: the product of `from` equals the product of `to`. */
interface AxisGroup {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** The finest grouping of axes under which a row-major reshape maps group to group. */
function groupAxes(from: readonly number[], to: readonly number[]): AxisGroup[] {
  const groups: { from: number[]; to: number[] }[] = [];
  let i = 0;
  let j = 0;
  while (i < from.length && j < to.length) {
    const group = { from: [i], to: [j] };
    let a = from[i++] as number;
    let b = to[j++] as number;
    while (a !== b) {
      if (i === from.length && j === to.length) throw new RangeError(`[${from}] does not reshape to [${to}].`);
      if (a < b && i < from.length) {
        group.from.push(i);
        a *= from[i++] as number;
      } else {
        group.to.push(j);
        b *= to[j++] as number;
      }
    }
    groups.push(group);
  }
  // What is left has extent 1 and joins the last group; a scalar has none.
  const last = groups.at(-1) ?? { from: [], to: [] };
  if (groups.length === 0) groups.push(last);
  while (i < from.length) last.from.push(i++);
  while (j < to.length) last.to.push(j++);
  return groups;
}

/**
 * How a tensor of shape `from` stored in `order` looks after a reshape to `to` that moves no data:
 * the new order, or undefined where the storage would have to change.
 */
export function reshapeOrder(from: readonly number[], to: readonly number[], order: Order): number[] | undefined {
  const groups = groupAxes(from, to);
  const groupOf = new Map<number, AxisGroup>();
  for (const group of groups) for (const axis of group.from) groupOf.set(axis, group);
  const stored = significant(order, from);
  const result: number[] = [];
  for (let p = 0; p < stored.length; ) {
    const group = groupOf.get(stored[p] as number) as AxisGroup;
    const wanted = significant(group.from, from);
    if (!sameList(stored.slice(p, p + wanted.length), wanted)) return undefined;
    result.push(...significant(group.to, to));
    p += wanted.length;
  }
  // Axes of extent 1 go next to their left neighbour, so that plain storage stays plain.
  to.forEach((extent, axis) => {
    if (extent === 1) result.splice(axis === 0 ? 0 : result.indexOf(axis - 1) + 1, 0, axis);
  });
  return result;
}
