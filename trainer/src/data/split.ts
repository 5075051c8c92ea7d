import { randomOf, shuffled } from './random.js';

const HOLD_OUT = 2;

/** Good images of one class: to train on, and held out for early stopping and calibration. */
export interface Split {
  readonly train: readonly string[];
  readonly heldOut: readonly string[];
}

/**
 * Holds out `share` of a class's good images, at least as many as a threshold needs to be worth calibrating (20) where
 * that leaves three quarters to train on, and never the last image.
 */
export function holdOut(files: readonly string[], share: number, seed: number, label: number): Split {
  const wanted = Math.max(Math.round(files.length * share), Math.min(20, Math.floor(files.length / 4)), 1);
  const count = Math.min(wanted, files.length - 1);
  const order = shuffled(files, randomOf(seed, HOLD_OUT, label));
  return { heldOut: order.slice(0, count).sort(), train: order.slice(count).sort() };
}
