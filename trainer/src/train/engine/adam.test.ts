import { describe, expect, it } from 'vitest';
import { adamRates } from './adam.js';
import { DEFAULT_OPTIMIZER } from './program.js';

/** The learning rate of a step, without Adam's bias correction. */
function learningRate(step: number, decaySteps?: number): number {
  const config = { ...DEFAULT_OPTIMIZER, learningRates: { student: 0.4 }, decaySteps };
  return adamRates(config, 'student', step).rate * (1 - config.betas[0] ** step);
}

describe('adamRates', () => {
  it('leaves learning rates as they are', () => {
    for (const step of [1, 50, 1000]) expect(learningRate(step)).toBeCloseTo(0.4, 12);
  });

  it('lets them fall along half a cosine where asked to', () => {
    expect(learningRate(1, 100)).toBeCloseTo(0.4, 12);
    expect(learningRate(26, 100)).toBeCloseTo(0.4 * Math.cos(Math.PI / 8) ** 2, 12);
    expect(learningRate(51, 100)).toBeCloseTo(0.2, 12);
    expect(learningRate(101, 100)).toBeCloseTo(0, 12);
    expect(learningRate(150, 100)).toBeCloseTo(0, 12);
  });
});
