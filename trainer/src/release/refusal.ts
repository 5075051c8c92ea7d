import { BeltsightError } from '@beltsight/sdk';
import { shortcomings, type Tolerance } from '../compare/comparison.js';
import type { CardFacts } from '../export/card.js';

/**
 * Why a bundle should not be released: the model was trained further, and is worse than the one it came from, or nobody knows. Undefined
 * for one that was trained from nothing, and for one that is good enough.
 */
export function objection({ from, comparison }: CardFacts, tolerance: Tolerance): string | undefined {
  if (!from) return undefined;
  const before = from.release ?? `model ${from.modelId}`;
  if (!comparison) {
    return `it was trained further from ${before} and never compared with it: export it again with beltsight export --run RUN --out BUNDLE, without --no-compare`;
  }
  if (comparison.mean.imageAuroc.before === null || comparison.mean.imageAuroc.after === null) {
    return `nobody knows whether it finds defects as well as ${before}, as its data hold no test images of both good and defective products: put some into <class>/test, or name a folder that has them, with beltsight export --run RUN --out BUNDLE --evaluate DIR`;
  }
  const worse = shortcomings(comparison, tolerance);
  return worse.length === 0 ? undefined : `it is worse than ${before}, which it came from: ${worse.join('; ')}`;
}

/** @throws BeltsightError RELEASE_REFUSED */
export function refuse(why: string): never {
  throw new BeltsightError(
    'RELEASE_REFUSED',
    `The bundle is not released: ${why}. To release it all the same: --force.`,
  );
}
