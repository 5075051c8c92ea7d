import { lossConfigSchema } from '../../../trainer/src/loss/config.js';
import { defineModel, modelConfigSchema } from '../../../trainer/src/model/network.js';
import { initialise } from '../../../trainer/src/model/parameters.js';
import { backboneOf, type Teacher } from '../../../trainer/src/model/teacher/load.js';
import { readBackbone } from '../../../trainer/src/model/teacher/weights.js';
import type { TrainingProgram } from '../../../trainer/src/train/engine/program.js';
import type { Batch } from '../../../trainer/src/train/engine.js';
import { createProgram } from '../../../trainer/src/train/program.js';
import { publishedFile } from '../../support/generated.js';

export const LOSSES = ['rd', 'ccl'] as const;

/** A training step to measure. */
export interface Case {
  /** A residual network. */
  readonly teacher: string;
  readonly loss: (typeof LOSSES)[number];
  readonly size: number;
  readonly batch: number;
}

/** The trainer's own program for a case, and parameters to start from. */
export interface Subject {
  readonly program: TrainingProgram;
  readonly tensors: ReadonlyMap<string, Float32Array>;
  /** Numbers that are trained. */
  readonly parameters: number;
}

/** The teacher has generated weights: speed does not depend on them. */
export function subjectOf({ teacher: name, loss, size, batch }: Case): Subject {
  const teacher: Teacher = {
    ...readBackbone(publishedFile(backboneOf(name)), name),
    metadata: {},
    sha256: '',
  };
  const model = defineModel(modelConfigSchema.parse({ teacher: name, size, projector: loss === 'ccl' }));
  const config = lossConfigSchema.parse(loss === 'rd' ? { local: null, global: null } : {});
  return {
    program: createProgram(model, teacher, config, batch),
    tensors: initialise(model.parameters, model.statistics, 1),
    parameters: model.parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
  };
}

/** A batch of noise, of four classes. */
export function batchOf({ loss, size, batch }: Case): Batch {
  let state = 1;
  const pixels = () =>
    Uint8Array.from({ length: batch * size * size * 3 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      return state >>> 24;
    });
  return {
    images: pixels(),
    augmented: loss === 'ccl' ? pixels() : undefined,
    labels: Int32Array.from({ length: batch }, (_, i) => i % Math.min(4, batch)),
  };
}
