import { BeltsightError } from '@beltsight/sdk';
import { type BundleClass, type BundleManifest, decide } from '@beltsight/sdk/bundle';
import sharp from 'sharp';
import type { ImageLoader } from '../data/loader.js';
import type { Run } from '../train/run.js';
import type { ModelRunner } from './scoring.js';
import { syntheticDefect } from './synthetic-defect.js';

/** This many held-out good images of each class, and as many with a drawn defect. */
const PER_CLASS = 2;
/** The graph that is written, or that the written one was reduced from, must score as the plain recording of the trainer's forward pass does. */
const EXPORT_TOLERANCE = 1e-4;

/** Graphs of one model, open to score. */
export interface GoldenRunners {
  /** What the bundle will hold: golden scores are its. */
  readonly shipped: ModelRunner;
  /** The same in single precision; the very same where that is what ships. */
  readonly exact: ModelRunner;
  /** The trainer's forward pass as it was recorded. */
  readonly reference: ModelRunner;
}

export interface GoldenSamples {
  readonly golden: BundleManifest['golden'];
  /** PNGs by their path in the bundle. */
  readonly images: ReadonlyMap<string, Uint8Array>;
  /** Largest difference between the trainer's scores and those of the exact graph. */
  readonly difference: number;
}

/**
 * Images with the scores and verdicts that every device must give.
 * @throws BeltsightError GRAPH_INVALID if the exported graph does not compute what the trainer does
 */
export async function goldenSamples(
  { classes: products }: Run,
  loader: ImageLoader,
  { shipped, exact, reference }: GoldenRunners,
  classes: readonly BundleClass[],
): Promise<GoldenSamples> {
  const images = new Map<string, Uint8Array>();
  const golden: BundleManifest['golden'] = [];
  let difference = 0;
  for (const { name, train, heldOut } of products) {
    for (const file of (heldOut.length > 0 ? heldOut : train).slice(0, PER_CLASS)) {
      const good = await loader.load(file);
      for (const pixels of [good, syntheticDefect(good, loader.size)]) {
        const image = `golden/${String(golden.length).padStart(3, '0')}.png`;
        const output = await shipped.score(pixels);
        const { score } = exact === shipped ? output : await exact.score(pixels);
        difference = Math.max(difference, Math.abs(score - (await reference.score(pixels)).score));
        images.set(image, await png(pixels, loader.size));
        const { verdict } = decide(output, { classes: [...classes] });
        golden.push({ image, class: name, score: output.score, verdict });
      }
    }
  }
  if (difference > EXPORT_TOLERANCE) {
    throw new BeltsightError(
      'GRAPH_INVALID',
      `The exported graph scores up to ${difference} away from the trainer's: this is a defect of the exporter, please report it.`,
    );
  }
  return { golden, images, difference };
}

async function png(pixels: Uint8Array, size: number): Promise<Uint8Array> {
  return new Uint8Array(
    await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
      .png()
      .toBuffer(),
  );
}
