import { describe, it } from 'vitest';
import { type FixtureTensor, fixture } from '../../../test/support/fixtures.js';
import { expectClose, expectScalar, nchw, nhwc } from '../../../test/support/tensors.js';
import { evaluate, type PlainTensor } from '../graph/evaluate.js';
import { tf } from '../graph/tfjs.js';
import { anomalyMap, distanceMap } from './inference.js';
import { loadTeacher } from './teacher/load.js';
import { runBackbone } from './teacher/run.js';

describe.each(['eager', 'compiled'] as const)('on the %s engine', (engine) => {
  it('anomaly maps match the reference (anomaly_map)', async () => {
    const c = fixture('anomaly_map');
    const scales = c.teacher.map((_: unknown, s: number) => s) as number[];
    const inputs = Object.fromEntries(
      scales.flatMap((s) => [
        [`t${s}`, nhwc(c.teacher[s])],
        [`s${s}`, nhwc(c.student[s])],
      ]),
    );
    const result = await evaluate(engine, inputs, (x) => {
      const teacher = scales.map((s) => x[`t${s}`] as tf.Tensor4D);
      const student = scales.map((s) => x[`s${s}`] as tf.Tensor4D);
      const smooth = anomalyMap(teacher, student, c.out_size, c.gaussian.sigma);
      const low = scales.map((s) => [`low${s}`, distanceMap(teacher[s] as tf.Tensor4D, student[s] as tf.Tensor4D)]);
      return {
        ...Object.fromEntries(low),
        sum: anomalyMap(teacher, student, c.out_size, 0),
        smooth,
        score: tf.max(smooth, [1, 2]),
      };
    });
    for (const s of scales) expectClose(result[`low${s}`] as PlainTensor, c.low_res_maps[s], 1e-5, `scale ${s}`);
    expectClose(result.sum as PlainTensor, c.sum, 1e-5, 'sum');
    expectClose(result.smooth as PlainTensor, c.sum_gaussian_sigma4, 1e-5, 'smoothed');
    c.image_score_max.forEach((score: number, i: number) => {
      expectScalar(result.score?.data[i] as number, score, 1e-5, `score of image ${i}`);
    });
  });

  it('the shipped teacher gives the reference activations (backbone_mobilenet_v2)', async () => {
    const { input_uint8_nchw: input, taps } = fixture('backbone_mobilenet_v2');
    const { backbone, weights } = await loadTeacher('mobilenet_v2');
    const result = await evaluate(engine, { image: nhwc(input), ...Object.fromEntries(weights) }, (x) => {
      const saved = runBackbone(backbone, tf.div(x.image as tf.Tensor4D, 255), { get: (name) => x[name] as tf.Tensor });
      return Object.fromEntries(Object.keys(taps).map((name) => [name, saved.get(name) as tf.Tensor]));
    });
    for (const [name, expected] of Object.entries(taps)) {
      expectClose(nchw(result[name] as PlainTensor), expected as FixtureTensor, 1e-4, name);
    }
  });
});
