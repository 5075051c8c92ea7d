import { type ElementType, float32, GraphBuilder, int, int64, ints, type OnnxGraph, string } from '@beltsight/sdk/onnx';
import { describe, expect, it } from 'vitest';
import { lintForTensorRt } from './lint.js';
import { findings } from './tensorrt/rules.js';

interface Port {
  readonly type?: ElementType;
  readonly dims?: readonly (number | string)[];
}

/** A graph from an input `x` [1,4,8,8] to an output `y`, around what `body` adds. */
function graphOf(
  body: (g: GraphBuilder, x: string) => string,
  { type = 'float32', dims = [1, 4, 8, 8] }: Port = {},
  opsets: Record<string, number> = { '': 17 },
): OnnxGraph {
  const g = new GraphBuilder('lint', opsets);
  const x = g.input('x', type, dims);
  g.output(body(g, x), 'float32', dims, 'y');
  return g.build();
}

const zeroPoint = (value: number) => ({ type: 'int8', dims: [], data: Int8Array.of(value) }) as const;
const INT64 = int(7);
const FLOAT = int(1);

/** What is wrong, the graph that does it, and what the lint must say: node, operator, problem, remedy. */
const BAD: [string, OnnxGraph, RegExp][] = [
  ['an operator the parser does not know', graphOf((g, x) => g.node('Det', [x])), /- Det "Det" is not supp.*: record/],
  [
    "an operator of ONNX Runtime's own",
    graphOf((g, x) => g.node('FusedMatMul', [x, x], {}, 'com.microsoft')),
    /com\.microsoft\.FusedMatMul "FusedMatMul" is not one of ONNX's own/,
  ],
  [
    'an element type that an operator does not take',
    graphOf((g, x) => g.node('Cast', [g.node('Sqrt', [g.node('Cast', [x], { to: int(6) })])], { to: FLOAT })),
    /Sqrt "Sqrt" reads "Cast", which is int32: cast it to one of float32, float16/,
  ],
  [
    'double precision',
    graphOf((g, x) => g.node('Add', [x, g.initializer({ type: 'float64', dims: [], data: Float64Array.of(1) })])),
    /Add "Add" reads "const", which is float64/,
  ],
  [
    'a reshape to a computed shape',
    graphOf((g, x) => g.node('Reshape', [x, g.node('Identity', [g.initializer(int64([1, 4, 8, 8]))])])),
    /Reshape "Reshape" takes its shape or axes from "Identity", which is computed: make it a constant/,
  ],
  [
    'a shape that is read at run time',
    graphOf((g, x) => g.node('Expand', [x, g.node('Shape', [x])])),
    /Shape "Shape" depends on data or on a shape at run time: compute it while recording/,
  ],
  [
    'arithmetic of 64-bit integers',
    graphOf((g, x) => {
      const whole = g.node('Cast', [x], { to: INT64 });
      return g.node('Cast', [g.node('Add', [whole, whole])], { to: FLOAT });
    }),
    /Add "Add" computes with "Cast", which is int64: use int32 or float32/,
  ],
  [
    'a transposition that moves data',
    graphOf((g, x) => g.node('Transpose', [x], { perm: ints([0, 1, 3, 2]) })),
    /Transpose "Transpose" moves all of "x" through memory \(axes 0,1,3,2\): let the operators around it/,
  ],
  [
    'an operator set that is too new',
    graphOf((g, x) => g.node('Relu', [x]), {}, { '': 21 }),
    /graph "lint".*21.*9 to 20/,
  ],
  [
    'a symbolic shape',
    graphOf((g, x) => g.node('Relu', [x]), { dims: ['N', 4] }),
    /input "x" has the symbolic shape \[N,4\]: give every dimension a number/,
  ],
  [
    'an input of another type',
    graphOf((g, x) => g.node('Cast', [x], { to: FLOAT }), { type: 'float16' }),
    /input "x" is float16: convert to float32 inside the graph/,
  ],
  [
    'asymmetric quantisation',
    graphOf((g, x) => {
      const parts = [g.initializer(float32([], [0.1])), g.initializer(zeroPoint(3))];
      return g.node('DequantizeLinear', [g.node('QuantizeLinear', [x, ...parts]), ...parts]);
    }),
    /QuantizeLinear "QuantizeLinear" has a zero point that is not zero: quantise symmetrically/,
  ],
  [
    'pooling with dilations',
    graphOf((g, x) => g.node('MaxPool', [x], { kernel_shape: ints([3, 3]), dilations: ints([2, 2]) })),
    /MaxPool "MaxPool" has dilations/,
  ],
  [
    'cubic interpolation',
    graphOf((g, x) => g.node('Resize', [x, '', '', g.initializer(int64([1, 4, 8, 8]))], { mode: string('cubic') })),
    /Resize "Resize" interpolates by cubic/,
  ],
];

describe('the TensorRT lint', () => {
  it.each(BAD)('names node, operator and remedy of %s', (_, graph, message) => {
    expect(() => lintForTensorRt(graph)).toThrow(message);
  });

  it('finds nothing else in any of those graphs', () => {
    // A rule that fires where another one should would hide that other one's absence.
    const counts = BAD.map(([what, graph]) => [what, new Set(findings(graph).map(({ problem }) => problem)).size]);
    const several = counts.filter(([, count]) => (count as number) > 1).map(([what]) => what);
    // Casting to 64 bits and adding are two findings; a computed shape is itself made of 64-bit integers.
    expect(several).toEqual([
      'a reshape to a computed shape',
      'a shape that is read at run time',
      'arithmetic of 64-bit integers',
    ]);
  });

  it('lets constant shapes, symmetric quantisation and transpositions that cancel out through', () => {
    const good = graphOf((g, x) => {
      const shaped = g.node('Reshape', [x, g.initializer(int64([4, 64]))]);
      const turned = g.node('Transpose', [shaped], { perm: ints([1, 0]) });
      const back = g.node('Transpose', [turned], { perm: ints([1, 0]) });
      const parts = [g.initializer(float32([], [0.1])), g.initializer(zeroPoint(0))];
      return g.node('DequantizeLinear', [g.node('QuantizeLinear', [back, ...parts]), ...parts]);
    });
    expect(findings(good)).toEqual([]);
  });
});
