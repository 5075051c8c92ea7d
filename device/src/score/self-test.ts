import { BeltsightError } from '@beltsight/sdk';
import { type BundleManifest, decide } from '@beltsight/sdk/bundle';
import { decodeImage } from '../camera/decode.js';
import type { Picture } from '../camera/frame.js';
import type { ModelOutput } from './pipeline.js';

/**
 * Scores the bundle's golden samples and compares with what the trainer got. Scores must agree within the bundle's tolerance,
 * verdicts wherever the score is farther than that from its threshold.
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
    const { verdict, threshold } = decide(output, manifest);
    const allowed = tolerance * Math.max(1, Math.abs(expected));
    const close = Math.abs(score - expected) <= allowed;
    const undecided = threshold !== null && Math.abs(expected - threshold) <= allowed;
    if (close && (verdict === wanted || undecided)) continue;
    throw new BeltsightError(
      'INFERENCE_FAILED',
      `The self-test of bundle "${name}" failed: ${image} scores ${score} (${verdict}), the trainer got ${expected} ` +
        `(${wanted}), with a tolerance of ${allowed}. This ONNX Runtime computes the model wrong: use another library.`,
    );
  }
}
