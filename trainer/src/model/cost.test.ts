import { describe, expect, it } from 'vitest';
import { costsOf } from './cost.js';
import { defineModel, modelConfigSchema } from './network.js';

function costs(config: { teacher: string; [key: string]: unknown }) {
  return Object.fromEntries(costsOf(defineModel(modelConfigSchema.parse(config))).map((cost) => [cost.part, cost]));
}

const giga = (macs = 0) => Number((macs / 1e9).toFixed(2));
const gmacs = (config: Parameters<typeof costs>[0]) =>
  Object.fromEntries(Object.entries(costs(config)).map(([part, { macs }]) => [part, giga(macs)]));

describe('what a model costs at 256x256', () => {
  it('is what RD is known to cost with ResNet-18', () => {
    expect(gmacs({ teacher: 'resnet18' })).toEqual({ teacher: 1.83, projector: 0.57, neck: 0.93, decoder: 1.56 });
  });

  it('is what RD is known to cost with WideResNet-50-2: 28.36 GMAC without projector, as the paper counts', () => {
    const wide = { teacher: 'wide_resnet50_2' };
    expect(gmacs(wide)).toEqual({ teacher: 12.0, projector: 9.06, neck: 5.22, decoder: 11.14 });
    const plain = Object.values(costs({ ...wide, projector: false }));
    expect(giga(plain.reduce((total, { macs }) => total + macs, 0))).toBe(28.36);
    expect(((costs(wide).projector?.parameters ?? 0) / 1e6).toFixed(1)).toBe('15.5');
  });

  it('has a neck of 7.31 GMAC with the inner width of RD4AD', () => {
    const { neck } = costs({ teacher: 'wide_resnet50_2', neckWidth: 128 });
    expect(Math.trunc((neck?.macs ?? 0) / 1e7)).toBe(731);
  });

  it('counts each parameter once, and a quarter of the work at half the size', () => {
    const model = defineModel(modelConfigSchema.parse({ teacher: 'resnet50' }));
    const [teacher, ...rest] = costsOf(model);
    const declared = model.parameters.reduce((total, { shape }) => total + shape.reduce((n, dim) => n * dim, 1), 0);
    expect(rest.reduce((total, { parameters }) => total + parameters, 0)).toBe(declared);
    const half = costsOf(defineModel(modelConfigSchema.parse({ teacher: 'resnet50', size: 128 })));
    expect(half.map(({ macs }) => macs * 4)).toEqual([teacher, ...rest].map((cost) => cost?.macs));
  });

  it('falls with a smaller projector', () => {
    const parameters = ['4-conv', '2-conv', 'mlp'].map(
      (projectorForm) => costs({ teacher: 'resnet18', projectorForm }).projector?.parameters ?? 0,
    );
    expect(parameters).toEqual(parameters.toSorted((a, b) => b - a));
    expect(new Set(parameters).size).toBe(3);
  });
});
