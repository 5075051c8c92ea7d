import { GraphBuilder } from '@beltsight/sdk/onnx';
import { describe, expect, it } from 'vitest';
import { lintForTensorRt } from './lint.js';

function graph(
  opType: string,
  domain = '',
  opsets: Record<string, number> = { '': 17 },
  dims: (number | string)[] = [1, 2],
) {
  const g = new GraphBuilder('lint', opsets);
  const x = g.input('x', 'float32', dims);
  g.output(g.node(opType, [x], {}, domain), 'float32', dims, 'y');
  return g.build();
}

describe('the TensorRT lint', () => {
  it('lets a graph of supported operators through', () => {
    expect(() => lintForTensorRt(graph('Relu'))).not.toThrow();
  });

  it.each([
    ['an operator the parser does not know', graph('Unique'), /Unique/],
    ["an operator of ONNX Runtime's own", graph('FusedMatMul', 'com.microsoft'), /com\.microsoft\.FusedMatMul/],
    ['an operator set that is too new', graph('Relu', '', { '': 21 }), /21/],
    ['a symbolic shape', graph('Relu', '', { '': 17 }, ['N', 2]), /symbolic.*N/],
  ])('names %s', (_, bad, message) => {
    expect(() => lintForTensorRt(bad)).toThrow(message);
  });
});
