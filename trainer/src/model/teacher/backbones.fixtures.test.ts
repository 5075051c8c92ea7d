import { describe, expect, it } from 'vitest';
import { fixture } from '../../../../test/support/fixtures.js';
import { type Digest, generated, publishedFile, uniform } from '../../../../test/support/generated.js';
import { expectDigest, nchw, nhwc } from '../../../../test/support/tensors.js';
import { evaluate, type PlainTensor } from '../../graph/evaluate.js';
import type { tf } from '../../graph/tfjs.js';
import { type StoredTensor, writeSafetensors } from '../safetensors.js';
import { backboneOf } from './load.js';
import { tapFeatures } from './run.js';
import { layersOf } from './table.js';
import { readBackbone } from './weights.js';

const { size, taps } = fixture('backbones') as { size: number; taps: Record<string, Record<string, Digest>> };

/** Features of a file's backbone for the generated image, in PyTorch's layout. */
async function featuresOf(file: Uint8Array): Promise<Record<string, PlainTensor>> {
  const { backbone, weights } = readBackbone(file, 'generated');
  const image = nhwc({ shape: [1, 3, size, size], data: uniform('image', 3 * size * size) });
  const result = await evaluate('compiled', { image, ...Object.fromEntries(weights) }, (x) => {
    const features = tapFeatures(backbone, x.image as tf.Tensor4D, { get: (name) => x[name] as tf.Tensor });
    return Object.fromEntries(backbone.taps.map(({ name }, i) => [name, features[i] as tf.Tensor]));
  });
  return Object.fromEntries(Object.entries(result).map(([name, tensor]) => [name, nchw(tensor)]));
}

describe('residual teachers', () => {
  it.each(Object.entries(taps))('%s of a published file gives torchvision’s activations', async (name, expected) => {
    const features = await featuresOf(publishedFile(backboneOf(name)));
    for (const [tap, digest] of Object.entries(expected)) expectDigest(features[tap] as PlainTensor, digest, 1e-4, tap);
  });

  it('a file with BatchNorm folded in means the same, bit for bit', () => {
    const backbone = backboneOf('resnet18');
    const unfolded = readBackbone(publishedFile(backbone), 'generated');
    const folded = new Map<string, StoredTensor>();
    for (const { name, norm, kernel, input, output } of layersOf(backbone)) {
      const [gamma, beta, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((tensor) =>
        generated(`${norm}.${tensor}`, [output]),
      ) as [Float32Array, Float32Array, Float32Array, Float32Array];
      const shape = [output, input, kernel, kernel];
      const data = generated(`${name}.weight`, shape);
      const scale = Array.from(gamma, (value, o) => value / Math.sqrt((variance[o] as number) + 1e-5));
      const taps = data.length / output;
      folded.set(`${name}.weight`, {
        shape,
        data: data.map((value, i) => value * (scale[Math.floor(i / taps)] as number)),
      });
      const bias = beta.map((value, o) => value - (mean[o] as number) * (scale[o] as number));
      folded.set(`${name}.bias`, { shape: [output], data: bias });
    }
    const again = readBackbone(writeSafetensors(folded), 'folded');
    expect(again.backbone.name).toBe('resnet18');
    expect([...again.weights.keys()]).toEqual([...unfolded.weights.keys()]);
    for (const [name, { shape, data }] of unfolded.weights) {
      expect(again.weights.get(name)?.shape).toEqual(shape);
      expect(
        Buffer.from(again.weights.get(name)?.data.buffer as ArrayBuffer).equals(Buffer.from(data.buffer)),
        name,
      ).toBe(true);
    }
  });
});
