import type { ImageLoader } from '../data/loader.js';
import type { Run } from '../train/run.js';
import type { FitImages } from './precision/int8/fit.js';
import { syntheticDefect } from './synthetic-defect.js';

/** Good products that show what ranges activations have; more change them little. */
const GOOD = 32;
/** Good products whose scores, with and without a drawn defect, decide which layers are quantised. */
const PROBES = 8;

/**
 * Training images that decide how a graph is reduced, evenly over the classes. Held-out images are left alone: thresholds are calibrated on
 * them, and hold only if nothing else was chosen by them.
 */
export async function fitImages({ classes }: Run, loader: ImageLoader): Promise<FitImages> {
  const load = (wanted: number, from: 'start' | 'end') => {
    const share = Math.ceil(wanted / classes.length);
    const files = classes.flatMap(({ train }) => (from === 'start' ? train.slice(0, share) : train.slice(-share)));
    return Promise.all(files.map((file) => loader.load(file)));
  };
  const probes = await load(PROBES, 'end');
  return {
    good: await load(GOOD, 'start'),
    probes: [...probes, ...probes.map((pixels) => syntheticDefect(pixels, loader.size))],
  };
}
