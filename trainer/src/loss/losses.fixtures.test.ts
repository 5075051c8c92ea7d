import { describe, expect, it } from 'vitest';
import { fixture } from '../../../test/support/fixtures.js';
import { expectClose, expectScalar, nchw, nhwc } from '../../../test/support/tensors.js';
import { evaluate, type PlainTensor } from '../graph/evaluate.js';
import { tf } from '../graph/tfjs.js';
import { embed } from '../model/network.js';
import { cclLoss } from './ccl.js';
import { globalConfigSchema, localConfigSchema } from './config.js';
import { globalLoss, globalPerAnchor } from './global.js';
import { kdLoss } from './kd.js';
import { localLoss, localPerImage, projectedViews } from './local.js';
import { type LocalFeatures, matchIndices, ownMatchIndices } from './match.js';

const LOSS = 1e-5;
const GRADIENT = 1e-4;
const ENGINES = ['eager', 'compiled'] as const;

type Tensors = Record<string, tf.Tensor>;

/** Value and gradients of a scalar function with respect to the inputs named in `by`. */
function withGradients(
  inputs: Record<string, tf.Tensor>,
  by: readonly string[],
  fn: (x: Tensors) => tf.Scalar,
): Tensors {
  const variables = by.map((name) => inputs[name] as tf.Tensor);
  const { value, grads } = tf.valueAndGrads((...xs: tf.Tensor[]) =>
    fn({ ...inputs, ...Object.fromEntries(by.map((name, i) => [name, xs[i] as tf.Tensor])) }),
  )(variables);
  return { loss: value, ...Object.fromEntries(by.map((name, i) => [`grad_${name}`, grads[i] as tf.Tensor])) };
}

const int32 = (data: number[]): PlainTensor => ({ shape: [data.length], data, dtype: 'int32' });

describe.each(ENGINES)('losses on the %s engine', (engine) => {
  describe('distillation (loss_kd)', () => {
    const { teacher, student, cases } = fixture('loss_kd');
    it.each(Object.keys(cases))('%s', async (variant) => {
      const inputs = Object.fromEntries(
        teacher.flatMap((t: PlainTensor, i: number) => [
          [`t${i}`, nhwc(t)],
          [`s${i}`, nhwc(student[i])],
        ]),
      );
      const names = teacher.map((_: unknown, i: number) => `s${i}`);
      const result = await evaluate(engine, inputs, (x) =>
        withGradients(x, names, (y) => {
          const pick = (letter: string) => names.map((_: string, i: number) => y[`${letter}${i}`] as tf.Tensor4D);
          return kdLoss(pick('t'), pick('s'), variant as 'flat' | 'per_position');
        }),
      );
      const expected = cases[variant];
      expectScalar(result.loss as PlainTensor, expected.loss, LOSS);
      expected.grad_student.forEach((gradient: PlainTensor, i: number) => {
        expectClose(nchw(result[`grad_s${i}`] as PlainTensor), gradient, GRADIENT, `gradient of scale ${i}`);
      });
    });
  });

  describe('global contrastive (loss_gcl)', () => {
    const { g, g_aug, labels, cases } = fixture('loss_gcl');
    it.each(
      (cases as Record<string, string>[]).map((c, i): [number, ...unknown[]] => [
        i,
        c.variant,
        c.A,
        c.anchors,
        c.reduction,
        c.tau,
      ]),
    )('case %i: %s %s %s %s tau %d', async (i: number) => {
      const expected = cases[i as number];
      const config = globalConfigSchema.parse({
        variant: expected.variant,
        denominator: expected.A,
        anchors: expected.anchors,
        reduction: expected.reduction,
        tau: expected.tau,
      });
      const inputs = { g, g_aug, labels: int32(labels) };
      const by = expected.grad_g_aug ? ['g', 'g_aug'] : ['g'];
      const result = await evaluate(engine, inputs, (x) => ({
        ...withGradients(x, by, (y) =>
          globalLoss(y.g as tf.Tensor2D, y.g_aug as tf.Tensor2D, x.labels as tf.Tensor1D, config),
        ),
        ...(expected.per_anchor
          ? {
              perAnchor: globalPerAnchor(x.g as tf.Tensor2D, x.g_aug as tf.Tensor2D, x.labels as tf.Tensor1D, config),
            }
          : {}),
      }));
      expectScalar(result.loss as PlainTensor, expected.loss, LOSS);
      for (const name of by)
        expectClose(result[`grad_${name}`] as PlainTensor, expected[`grad_${name}`], GRADIENT, name);
      if (expected.per_anchor) {
        expectClose(result.perAnchor as PlainTensor, { shape: [], data: expected.per_anchor }, LOSS, 'per anchor');
      }
    });
  });

  describe('local contrastive (loss_lcl)', () => {
    const { v, v_aug, enc, enc_aug, labels, cases } = fixture('loss_lcl');
    const inputs = {
      v: nhwc(v),
      v_aug: nhwc(v_aug),
      enc: nhwc(enc),
      enc_aug: nhwc(enc_aug),
      labels: int32(labels),
    };
    it.each((cases as Record<string, string>[]).map((c, i): [number, ...unknown[]] => [i, c.variant, c.k, c.A, c.tau]))(
      'case %i: %s k %s %s tau %d',
      async (i: number) => {
        const expected = cases[i as number];
        const config = localConfigSchema.parse({
          variant: expected.variant,
          k: expected.k,
          denominator: expected.A,
          match: expected.variant === 'code' ? 'encoder' : 'projected',
          tau: expected.tau,
        });
        const negatives = expected.neg_index && int32(expected.neg_index);
        const result = await evaluate(engine, { ...inputs, ...(negatives ? { negatives } : {}) }, (x) => {
          const features = featuresOf(x);
          const label = x.labels as tf.Tensor1D;
          const outputs = withGradients(x, ['v', 'v_aug'], (y) =>
            localLoss(featuresOf({ ...x, ...y }), label, config, x.negatives as tf.Tensor1D),
          );
          if (config.variant === 'code') {
            return { ...outputs, index: ownMatchIndices(features.encoder, features.encoderAugmented, config.k) };
          }
          const index = matchIndices(projectedViews(features), features, config);
          return { ...outputs, index, perImage: localPerImage(features, label, config) };
        });
        expectScalar(result.loss as PlainTensor, expected.loss ?? expected.loss_mean, LOSS);
        expectClose(nchw(result.grad_v as PlainTensor), expected.grad_v, GRADIENT, 'v');
        expectClose(nchw(result.grad_v_aug as PlainTensor), expected.grad_v_aug, GRADIENT, 'v_aug');
        if (config.variant === 'code') {
          expect([...(result.index?.data ?? [])]).toEqual(expected.index_max.data);
          return;
        }
        expectClose(result.perImage as PlainTensor, { shape: [], data: expected.per_image }, LOSS, 'per image');
        expected.index_max.forEach((indices: PlainTensor, image: number) => {
          expect(partnerIndices(result.index as PlainTensor, labels, image)).toEqual(indices.data);
        });
      },
    );
  });

  describe('all together (ccl_step)', () => {
    const data = fixture('ccl_step');
    it.each((data.cases as { variant: string }[]).map((c, i): [number, string] => [i, c.variant]))(
      'case %i: %s',
      async (i: number) => {
        const expected = data.cases[i];
        const scales = data.enc.map((_: unknown, s: number) => s) as number[];
        const inputs: Record<string, PlainTensor> = {
          labels: int32(data.labels),
          z: nhwc(data.z),
          z_aug: nhwc(data.z_aug),
        };
        for (const s of scales) {
          for (const name of ['enc', 'enc_aug', 'v', 'v_aug', 'student']) inputs[`${name}${s}`] = nhwc(data[name][s]);
          inputs[`neg${s}`] = int32(data.neg_index_per_scale[s]);
        }
        const by = ['z', 'z_aug', ...scales.flatMap((s) => [`student${s}`, `v${s}`, `v_aug${s}`])];
        const terms: Tensors = {};
        const result = await evaluate(engine, inputs, (x) => {
          const outputs = withGradients(x, by, (y) => {
            const all = cclLoss(
              {
                teacher: scales.map((s) => x[`enc${s}`] as tf.Tensor4D),
                student: scales.map((s) => y[`student${s}`] as tf.Tensor4D),
                local: scales.map((s) => featuresOf({ ...y, ...x, ...y }, s)),
                embedding: embed(y.z as tf.Tensor4D),
                embeddingAugmented: embed(y.z_aug as tf.Tensor4D),
                labels: x.labels as tf.Tensor1D,
                negatives: scales.map((s) => x[`neg${s}`] as tf.Tensor1D),
              },
              configOf(expected),
            );
            Object.assign(terms, {
              kd: tf.keep(all.kd),
              local: tf.keep(all.local as tf.Tensor),
              global: tf.keep(all.global as tf.Tensor),
            });
            return all.total;
          });
          return { ...outputs, ...terms };
        });
        expectScalar(result.loss as PlainTensor, expected.L_total, LOSS, 'total');
        expectScalar(result.kd as PlainTensor, expected.L_kd, LOSS, 'kd');
        expectScalar(result.local as PlainTensor, expected.L_lcl, LOSS, 'local');
        expectScalar(result.global as PlainTensor, expected.L_gcl, LOSS, 'global');
        for (const name of ['z', 'z_aug']) {
          expectClose(nchw(result[`grad_${name}`] as PlainTensor), expected[`grad_${name}`], GRADIENT, name);
        }
        for (const s of scales) {
          for (const name of ['student', 'v', 'v_aug']) {
            const gradient = result[`grad_${name}${s}`] as PlainTensor;
            expectClose(nchw(gradient), expected[`grad_${name}`][s], GRADIENT, `${name} of scale ${s}`);
          }
        }
      },
    );
  });
});

function featuresOf(x: Tensors, scale: number | '' = ''): LocalFeatures {
  return {
    projected: x[`v${scale}`] as tf.Tensor4D,
    projectedAugmented: x[`v_aug${scale}`] as tf.Tensor4D,
    encoder: x[`enc${scale}`] as tf.Tensor4D,
    encoderAugmented: x[`enc_aug${scale}`] as tf.Tensor4D,
  };
}

/** Rows of index [B,P,2B] for the partners of `image` in the fixtures' order: own augmented view, then same-class originals. */
function partnerIndices({ shape, data }: PlainTensor, labels: number[], image: number): number[] {
  const [batch = 0, positions = 0, candidates = 0] = shape;
  const originals = labels.flatMap((label, j) => (j !== image && label === labels[image] ? [j] : []));
  return [batch + image, ...originals].flatMap((candidate) =>
    Array.from({ length: positions }, (_, p) => data[(image * positions + p) * candidates + candidate] as number),
  );
}

/** The loss configuration that a case of ccl_step or mini_step describes in words. */
export function configOf({ variant, config }: { variant: string; config?: { tau: number } }) {
  const tau = config?.tau ?? (variant.startsWith('code') ? 0.05 : 0.1);
  if (variant.startsWith('code')) {
    const local = localConfigSchema.parse({ variant: 'code', k: 'full', tau });
    return { kd: 'flat' as const, local, global: globalConfigSchema.parse({ variant: 'code_v1', tau }) };
  }
  const full = variant.includes('full');
  const denominator = variant.includes('partners') ? 'partners' : 'batch_pos';
  const local = localConfigSchema.parse({ k: full ? 'full' : 1, denominator, match: 'projected', tau });
  return { kd: 'flat' as const, local, global: globalConfigSchema.parse({ tau }) };
}
