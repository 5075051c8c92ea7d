import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { defineModel, type ModelConfig, modelConfigSchema } from './network.js';

const define = (config: Partial<ModelConfig>) => defineModel(modelConfigSchema.parse(config));

describe('a model', () => {
  // Names, shapes and order of parameters decide how a run's weights are read, and what a seed starts from.
  it.each([
    [{ teacher: 'mobilenet_v2' }, 'e6e1e0692f0c75df'],
    [{ teacher: 'resnet18' }, 'de70a9738ee2c2e9'],
    [{ teacher: 'resnet18', width: 32 }, '42796a83f37704ea'],
    [{ teacher: 'mobilenet_v2', width: 8, projector: false }, 'ee2b495d6b768f1f'],
  ])('of %j has the parameters that it had in earlier releases', (config, digest) => {
    const { parameters, statistics } = define(config);
    const specs = [parameters.map(({ name, shape, group, init }) => ({ name, shape, group, init })), statistics];
    expect(createHash('sha256').update(JSON.stringify(specs)).digest('hex').slice(0, 16)).toBe(digest);
  });

  it.each(['resnet18', 'resnet34', 'resnet50', 'wide_resnet50_2'])(
    'of %s needs no 1x1 convolutions at width 64',
    (teacher) => {
      const names = define({ teacher }).parameters.map(({ name }) => name);
      expect(names.filter((name) => /head|neck\.conv4/.test(name))).toEqual([]);
      expect(new Set(names).size).toBe(names.length);
    },
  );

  it('of bottleneck blocks has RD’s counts of them: three in the neck; 3, 4 and 6 from stride 16 to stride 4', () => {
    const names = define({ teacher: 'wide_resnet50_2' }).parameters.map(({ name }) => name);
    const blocks = (stage: string) =>
      names.filter((name) => name.startsWith(stage) && name.endsWith('.conv3.weight')).length;
    expect([blocks('neck.stage.'), blocks('decoder.2.'), blocks('decoder.1.'), blocks('decoder.0.')]).toEqual([
      3, 3, 4, 6,
    ]);
  });

  it('of basic blocks refuses an inner width of the neck', () => {
    expect(() => define({ teacher: 'resnet18', neckWidth: 128 })).toThrow('has no bottleneck blocks');
  });

  it('of an unknown teacher is refused with the known ones', () => {
    expect(() => define({ teacher: 'vgg16' })).toThrow('mobilenet_v2, resnet18, resnet34, resnet50, wide_resnet50_2');
  });
});
