import type { ElementType } from '@beltsight/sdk/onnx';

/*
 * What TensorRT's ONNX parser takes. Source: github.com/onnx/onnx-tensorrt, docs/operators.md, "Operator Support Matrix" of TensorRT
 * 10.15; opsets from the same file of TensorRT 10.0, the first that JetPack 6 can run: 9 to 20. Element types that Beltsight graphs
 * have no use for (bfloat16, 8- and 4-bit floats, 4-bit integers) are left out, and so are operators that are no part
 * of opset 9 to 20.
 */

/** Oldest and newest operator set that every TensorRT 10 parses. */
export const OPSETS = { oldest: 9, newest: 20 } as const;

const REAL = ['float32', 'float16'] as const;
const NUMBER = [...REAL, 'int32', 'int64'] as const;
const ANY = [...NUMBER, 'bool'] as const;

const BY_TYPES: readonly (readonly [types: readonly ElementType[], operators: string])[] = [
  [
    REAL,
    `Acos Acosh Asin Asinh Atan Atanh AveragePool BatchNormalization BlackmanWindow Ceil Celu Clip Conv ConvTranspose Cos Cosh
     CumSum DeformConv Dropout Einsum Elu Erf Exp Floor GRU Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample
     HammingWindow HannWindow HardSigmoid HardSwish Hardmax InstanceNormalization IsInf LRN LSTM LayerNormalization LeakyRelu
     Log LogSoftmax LpNormalization LpPool MatMul MaxPool MeanVarianceNormalization Mish NonMaxSuppression NonZero PRelu
     QuantizeLinear RNN RandomNormal RandomNormalLike RandomUniform RandomUniformLike Reciprocal Resize RoiAlign Round Scan
     Selu Sigmoid Sin Sinh Softmax Softplus Softsign Sqrt Tan Tanh ThresholdedRelu`,
  ],
  [
    NUMBER,
    `Abs Add ArgMax ArgMin DepthToSpace Div Equal Greater GreaterOrEqual IsNaN Less LessOrEqual Max Mean Min Mod Mul Neg Pad
     Pow Range ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
     ReduceSumSquare Relu ScatterElements ScatterND Shrink Sign SpaceToDepth Sub Sum TopK`,
  ],
  [
    ANY,
    `Concat Constant ConstantOfShape Expand EyeLike Flatten Gather GatherElements GatherND Identity If Loop OneHot Reshape
     ReverseSequence Shape Size Slice Split Squeeze Tile Transpose Trilu Unsqueeze Where`,
  ],
  [[...ANY, 'uint8'], 'Cast CastLike'],
  [[...NUMBER, 'int8'], 'Gelu'],
  [['bool'], 'And Not Or Xor'],
  [['int8'], 'DequantizeLinear'],
  [['float32'], 'STFT'],
];

/** Operators that the parser supports, each with the element types that it may read. */
export const OPERATORS: ReadonlyMap<string, readonly ElementType[]> = new Map(
  BY_TYPES.flatMap(([types, operators]) => operators.split(/\s+/).map((operator) => [operator, types] as const)),
);

/**
 * Inputs, by place, that say how an operator works instead of carrying data: shapes, axes, bounds, indices. The matrix wants those of
 * reductions to be initializers and axes to be constants; for static shapes all of them have to be.
 */
export const OPERANDS: ReadonlyMap<string, readonly number[]> = new Map<string, readonly number[]>([
  ['ConstantOfShape', [0]],
  ['CumSum', [1]],
  ['Expand', [1]],
  ['Gather', [1]],
  ['OneHot', [1]],
  ['Pad', [1, 3]],
  ['ReduceL1', [1]],
  ['ReduceL2', [1]],
  ['ReduceLogSum', [1]],
  ['ReduceLogSumExp', [1]],
  ['ReduceMax', [1]],
  ['ReduceMean', [1]],
  ['ReduceMin', [1]],
  ['ReduceProd', [1]],
  ['ReduceSum', [1]],
  ['ReduceSumSquare', [1]],
  ['Reshape', [1]],
  ['Resize', [1, 2, 3]],
  ['Slice', [1, 2, 3, 4]],
  ['Split', [1]],
  ['Squeeze', [1]],
  ['Tile', [1]],
  ['TopK', [1]],
  ['Unsqueeze', [1]],
]);

/** Operators whose results have a shape or a course that depends on data, or that read a shape at run time. */
export const DYNAMIC: ReadonlySet<string> = new Set([
  'If',
  'Loop',
  'NonMaxSuppression',
  'NonZero',
  'Range',
  'Scan',
  'Shape',
  'Size',
]);

/** Operators whose types are those of some inputs alone: their places. All others: of every input that is no operand. */
export const TYPED_BY: ReadonlyMap<string, readonly number[]> = new Map([
  ['DequantizeLinear', [0]],
  ['QuantizeLinear', [0]],
  ['Where', [1, 2]],
]);
