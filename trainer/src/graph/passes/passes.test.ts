import { GraphBuilder } from '@beltsight/sdk/onnx';
import { describe, expect, it } from 'vitest';
import { eliminateDeadCode } from './dead-code.js';
import { nameOutputs } from './outputs.js';

function graph() {
  const g = new GraphBuilder('passes');
  const x = g.input('x', 'float32', [2]);
  const y = g.node('Relu', [x]);
  const z = g.node('Exp', [y]);
  g.node('Log', [z]);
  for (const [value, name] of [
    [y, 'first'],
    [y, 'again'],
    [z, 'second'],
    [x, 'same'],
  ] as const) {
    g.output(value, 'float32', [2], name);
  }
  return g.build();
}

describe('nameOutputs', () => {
  it('lets nodes write outputs themselves and copies only what has a name already', () => {
    const nodes = nameOutputs(graph()).nodes.map(({ opType, inputs, outputs }) => `${opType} ${inputs} ${outputs}`);
    expect(nodes).toEqual([
      'Relu x first',
      'Exp first second',
      'Log second Log',
      'Identity first again',
      'Identity x same',
    ]);
  });
});

describe('eliminateDeadCode', () => {
  it('keeps what an output needs', () => {
    const nodes = eliminateDeadCode(graph()).nodes.map(({ opType }) => opType);
    expect(nodes).toEqual(['Relu', 'Exp', 'Identity', 'Identity', 'Identity', 'Identity']);
  });
});
