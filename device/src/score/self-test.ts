import { BeltsightError, type Verdict } from '@beltsight/sdk';
import { type BundleManifest, cosineDistance, decide, nearestClass } from '@beltsight/sdk/bundle';
import { decodeImage } from '../camera/decode.js';
import type { Picture } from '../camera/frame.js';
import type { ModelOutput } from './pipeline.js';

/**
 * Scores the bundle's golden samples and compares with what the trainer got. Scores must agree within the bundle's tolerance,
 * verdicts wherever the score is farther than that from its threshold, and the product from where it would be another or unknown.
 * @throws BeltsightError INFERENCE_FAILED naming the sample that differs
 */
export async function selfTest(
  manifest: BundleManifest,
  infer: (picture: Picture) => Promise<ModelOutput>,
  file: (path: string) => Promise<Uint8Array>,
): Promise<void> {
  const { golden, tolerance, name } = manifest;
  for (const { image, score: expected, verdict: wanted } of golden) {
    const output = await infer(await decodeImage(await file(image), image));
    const { score } = output;
    const allowed = tolerance * Math.max(1, Math.abs(expected));
    const close = Math.abs(score - expected) <= allowed;
    if (close && verdictsNear(output, expected, allowed, manifest).has(wanted)) continue;
    const { verdict } = decide(output, manifest);
    throw new BeltsightError(
      'INFERENCE_FAILED',
      `The self-test of bundle "${name}" failed: ${image} scores ${score} (${verdict}), the trainer got ${expected} ` +
        `(${wanted}), with a tolerance of ${allowed}. This ONNX Runtime computes the model wrong: use another library.`,
    );
  }
}

/**
 * What the trainer can have decided that got nearly the same: `expected` as the score, and distances that differ by no more than the
 * bundle's tolerance, relative to what they are compared with (they are small: a class may reach as far as 0.01).
 */
function verdictsNear(
  output: ModelOutput,
  expected: number,
  allowed: number,
  { classes, tolerance }: BundleManifest,
): Set<Verdict> {
  const verdicts = new Set<Verdict>();
  const nearest = nearestClass(output, classes).distance;
  for (const { centroid, maxDistance, threshold } of classes) {
    const distance = cosineDistance(output.embedding, centroid);
    if (distance - nearest > tolerance * distance) continue;
    const beyond = distance - maxDistance;
    const unsure = tolerance * maxDistance;
    if (beyond > -unsure) verdicts.add('unknown');
    if (beyond > unsure) continue;
    if (expected <= threshold + allowed) verdicts.add('pass');
    if (expected >= threshold - allowed) verdicts.add('reject');
  }
  return verdicts;
}
