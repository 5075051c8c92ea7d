import { randomOf, shuffled } from './random.js';

const HOLD_OUT = 2;

/** Good images of one class: to train on, and held out for early stopping and calibration. */
export interface Split {
  readonly train: readonly string[];
  readonly heldOut: readonly string[];
}

/**
 * Holds out `share` of a class's good images, at least as many as a threshold needs to be worth calibrating (20) where
 * that leaves three quarters to train on, and never the last product.
 * @param productOf which product an image shows: all images of one are held out, or none, for a product that was trained on scores lower
 *   than a new one
 */
export function holdOut(
  files: readonly string[],
  share: number,
  seed: number,
  label: number,
  productOf: (file: string) => string = (file) => file,
): Split {
  const wanted = Math.max(Math.round(files.length * share), Math.min(20, Math.floor(files.length / 4)), 1);
  const products = new Map<string, string[]>();
  for (const file of files) {
    const product = productOf(file);
    products.set(product, [...(products.get(product) ?? []), file]);
  }
  const order = shuffled([...products.values()], randomOf(seed, HOLD_OUT, label));
  let count = 0;
  for (let held = 0; held < wanted && count < order.length - 1; count++) held += order[count]?.length ?? 0;
  return { heldOut: order.slice(0, count).flat().sort(), train: order.slice(count).flat().sort() };
}
