import type { tf } from '../graph/tfjs.js';
import { cclLoss } from '../loss/ccl.js';
import type { LossConfig } from '../loss/config.js';
import { kdPerImage } from '../loss/kd.js';
import { embed, type Model } from '../model/network.js';
import { EVALUATION } from '../model/parameters.js';
import type { Teacher } from '../model/teacher/load.js';
import type { BatchTensors, Lookup, LossTensors, StepMode, TrainingProgram } from './engine/program.js';

/**
 * What one training step computes, for any engine. Order of a step with two views (it fixes the running statistics): project
 * originals, project augmented, neck of originals, neck of augmented, decoder on originals alone.
 */
export function createProgram(model: Model, teacher: Teacher, loss: LossConfig, batch: number): TrainingProgram {
  const twoViews = loss.local !== null || loss.global !== null;
  return {
    batch,
    size: model.config.size,
    needs: { augmented: twoViews, negatives: loss.local?.variant === 'code' },
    parameters: model.parameters,
    statistics: model.statistics,
    frozen: teacher.weights,
    loss: (tensors, weights, mode) =>
      twoViews ? contrastive(model, loss, tensors, weights, mode) : distillation(model, loss, tensors, weights, mode),
    validate(images, weights) {
      const features = model.teach(images, weights);
      const z = model.neck(model.project(features, weights), weights, EVALUATION);
      return kdPerImage(features, model.decode(z, weights, EVALUATION), loss.kd);
    },
  };
}

function distillation(
  model: Model,
  loss: LossConfig,
  { images, labels }: BatchTensors,
  weights: Lookup,
  mode: StepMode,
): LossTensors {
  const teacher = model.teach(images, weights);
  const z = model.neck(model.project(teacher, weights), weights, mode);
  const student = model.decode(z, weights, mode);
  const views = { local: [], embedding: undefined, embeddingAugmented: undefined, negatives: [] };
  return cclLoss({ teacher, student, labels, ...views }, loss);
}

function contrastive(
  model: Model,
  loss: LossConfig,
  { images, augmented, labels, negatives }: BatchTensors,
  weights: Lookup,
  mode: StepMode,
): LossTensors {
  const teacher = model.teach(images, weights);
  const teacherAugmented = model.teach(augmented as tf.Tensor4D, weights);
  const projected = model.project(teacher, weights);
  const projectedAugmented = model.project(teacherAugmented, weights);
  const z = model.neck(projected, weights, mode);
  const zAugmented = loss.global ? model.neck(projectedAugmented, weights, mode) : undefined;
  return cclLoss(
    {
      teacher,
      student: model.decode(z, weights, mode),
      local: teacher.map((encoder, scale) => ({
        projected: projected[scale] as tf.Tensor4D,
        projectedAugmented: projectedAugmented[scale] as tf.Tensor4D,
        encoder,
        encoderAugmented: teacherAugmented[scale] as tf.Tensor4D,
      })),
      embedding: embed(z),
      embeddingAugmented: zAugmented && embed(zAugmented),
      labels,
      negatives: teacher.map(() => negatives),
    },
    loss,
  );
}
