/** One frame's vote on a product, or one product's on a web. */
export interface Vote {
  readonly id: string;
  readonly bad: boolean;
}

/**
 * m of n: the newest vote is carried if it is bad and at least `bad` of the last `of` votes are, itself counted.
 * @param last the votes before it, the newest last
 */
export function vote(
  last: readonly Vote[],
  newest: Vote,
  { bad, of }: { readonly bad: number; readonly of: number },
): { last: readonly Vote[]; carried: boolean } {
  const window = [...last, newest].slice(-of);
  return { last: window, carried: newest.bad && window.filter((each) => each.bad).length >= bad };
}
