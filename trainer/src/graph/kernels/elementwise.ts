import { float, int } from '@beltsight/sdk/onnx';
import type { Recording } from '../recorder/recording.js';
import { type Dtype, uniform, uniformElement, type Value } from '../recorder/value.js';
import { broadcastShape, elementwise } from './broadcasting.js';
import { type Kernel, type KernelTable, kernel } from './kernel.js';
import { reshape } from './shape.js';

/** ONNX element type codes for Cast. */
const CODES: Readonly<Record<Dtype, number>> = { float32: 1, int32: 6, bool: 9 };

export function cast(recording: Recording, value: Value, dtype: Dtype): Value {
  if (value.dtype === dtype) return value;
  return elementwise(recording, dtype, [value], ([x = '']) => recording.emit('Cast', [x], { to: int(CODES[dtype]) }));
}

const unary = (opType: string, attributes: Parameters<Recording['emit']>[2] = {}): Kernel =>
  kernel<'x'>((r, { x }) => elementwise(r, x.dtype, [x], (names) => r.emit(opType, names, attributes)));

/** A function of a float32 tensor written as a few operators. */
const composed = (emit: (recording: Recording, x: string) => string): Kernel =>
  kernel<'x'>((r, { x }) => elementwise(r, x.dtype, [x], ([name = '']) => emit(r, name)));

type Simplify = (a: Value, b: Value) => Value | undefined;

/** A binary operator; `simplify` finds the operand that already is the result (x * 1, x + 0). */
const binary = (opType: string, simplify?: Simplify): Kernel =>
  kernel<'a' | 'b'>((r, { a, b }) => {
    const same = simplify?.(a, b);
    if (same) return r.broadcast(same, broadcastShape([a.shape, b.shape]));
    return elementwise(r, a.dtype, [a, b], (names) => r.emit(opType, names));
  });

const comparison = (opType: string): Kernel =>
  kernel<'a' | 'b'>((r, { a, b }) => elementwise(r, 'bool', [a, b], (names) => r.emit(opType, names)));

const neutral =
  (element: number): Simplify =>
  (a, b) =>
    uniformElement(b) === element ? a : uniformElement(a) === element ? b : undefined;

const neutralRight =
  (element: number): Simplify =>
  (a, b) =>
    uniformElement(b) === element ? a : undefined;

const product: Simplify = (a, b) => {
  if (uniformElement(a) === 0 || uniformElement(b) === 0) return uniform(a.dtype, [], 0);
  return neutral(1)(a, b);
};

function floorDiv(r: Recording, a: Value, b: Value): Value {
  const quotient = elementwise(r, 'float32', [cast(r, a, 'float32'), cast(r, b, 'float32')], (names) =>
    r.emit('Floor', [r.emit('Div', names)]),
  );
  return cast(r, quotient, a.dtype);
}

/** tfjs kernels that work element by element. */
export const elementwiseKernels: KernelTable = {
  Abs: unary('Abs'),
  Neg: unary('Neg'),
  Exp: unary('Exp'),
  Log: unary('Log'),
  Sqrt: unary('Sqrt'),
  Reciprocal: unary('Reciprocal'),
  Sigmoid: unary('Sigmoid'),
  Tanh: unary('Tanh'),
  Relu: unary('Relu'),
  Softplus: unary('Softplus'),
  Sign: unary('Sign'),
  Floor: unary('Floor'),
  Ceil: unary('Ceil'),
  Round: unary('Round'),
  Erf: unary('Erf'),
  Sin: unary('Sin'),
  Cos: unary('Cos'),
  Elu: unary('Elu', { alpha: float(1) }),
  EluGrad: kernel<'dy' | 'y'>((r, { dy, y }) =>
    elementwise(r, 'float32', [dy, y], ([gradient = '', value = '']) => {
      const slope = r.emit('Add', [r.emit('Min', [value, r.scalar('float32', 0)]), r.scalar('float32', 1)]);
      return r.emit('Mul', [gradient, slope]);
    }),
  ),
  Square: composed((r, x) => r.emit('Mul', [x, x])),
  Rsqrt: composed((r, x) => r.emit('Reciprocal', [r.emit('Sqrt', [x])])),
  Relu6: composed((r, x) => r.emit('Clip', [x, r.scalar('float32', 0), r.scalar('float32', 6)])),
  Expm1: composed((r, x) => r.emit('Sub', [r.emit('Exp', [x]), r.scalar('float32', 1)])),
  Log1p: composed((r, x) => r.emit('Log', [r.emit('Add', [x, r.scalar('float32', 1)])])),
  LeakyRelu: kernel<'x', { alpha: number }>((r, { x }, { alpha }) =>
    elementwise(r, x.dtype, [x], (names) => r.emit('LeakyRelu', names, { alpha: float(alpha) })),
  ),
  Prelu: kernel<'x' | 'alpha'>((r, { x, alpha }) =>
    elementwise(r, x.dtype, [x, alpha], ([a = '', slope = '']) =>
      r.emit('Where', [r.emit('Less', [a, r.scalar('float32', 0)]), r.emit('Mul', [a, slope]), a]),
    ),
  ),
  ClipByValue: kernel<'x', { clipValueMin: number; clipValueMax: number }>((r, { x }, attributes) =>
    elementwise(r, x.dtype, [x], ([name = '']) =>
      r.emit('Clip', [name, r.scalar(x.dtype, attributes.clipValueMin), r.scalar(x.dtype, attributes.clipValueMax)]),
    ),
  ),
  Step: kernel<'x', { alpha: number }>((r, { x }, { alpha }) =>
    elementwise(r, x.dtype, [x], ([name = '']) => {
      // The slope of a relu is seen on its result, too, which the next layer keeps: the map before it can go (a third of all
      // maps that wait for backward propagation).
      const positive = r.emit('Greater', [r.emitted('Relu', [name]) ?? name, r.scalar(x.dtype, 0)]);
      if (alpha === 0) return r.emit('Cast', [positive], { to: int(CODES[x.dtype]) });
      return r.emit('Where', [positive, r.scalar(x.dtype, 1), r.scalar(x.dtype, alpha)]);
    }),
  ),
  Cast: kernel<'x', { dtype: Dtype }>((r, { x }, { dtype }) => cast(r, x, dtype)),
  Identity: kernel<'x'>((_, { x }) => x),
  ZerosLike: kernel<'x'>((_, { x }) => uniform(x.dtype, x.shape, 0)),
  OnesLike: kernel<'x'>((_, { x }) => uniform(x.dtype, x.shape, 1)),

  Add: binary('Add', neutral(0)),
  Sub: binary('Sub', neutralRight(0)),
  Multiply: binary('Mul', product),
  RealDiv: binary('Div', neutralRight(1)),
  Maximum: binary('Max'),
  Minimum: binary('Min'),
  Pow: binary('Pow', neutralRight(1)),
  SquaredDifference: kernel<'a' | 'b'>((r, { a, b }) =>
    elementwise(r, a.dtype, [a, b], (names) => {
      const difference = r.emit('Sub', names);
      return r.emit('Mul', [difference, difference]);
    }),
  ),
  FloorDiv: kernel<'a' | 'b'>((r, { a, b }) => floorDiv(r, a, b)),
  // tfjs takes the sign of the divisor: a - b * floor(a / b).
  Mod: kernel<'a' | 'b'>((r, { a, b }) =>
    elementwise(r, a.dtype, [a, floorDiv(r, a, b), b], ([x = '', quotient = '', y = '']) =>
      r.emit('Sub', [x, r.emit('Mul', [quotient, y])]),
    ),
  ),
  AddN: (r, inputs) => {
    const values = Object.values(inputs);
    return elementwise(r, (values[0] as Value).dtype, values, (names) => r.emit('Sum', names));
  },

  Equal: comparison('Equal'),
  NotEqual: kernel<'a' | 'b'>((r, { a, b }) =>
    elementwise(r, 'bool', [a, b], (names) => r.emit('Not', [r.emit('Equal', names)])),
  ),
  Greater: comparison('Greater'),
  GreaterEqual: comparison('GreaterOrEqual'),
  Less: comparison('Less'),
  LessEqual: comparison('LessOrEqual'),
  LogicalAnd: comparison('And'),
  LogicalOr: comparison('Or'),
  LogicalNot: unary('Not'),
  Select: kernel<'condition' | 't' | 'e'>((r, { condition, t, e }) => {
    // A rank-1 condition selects whole rows of higher-rank operands.
    const rows = condition.shape.length === 1 && t.shape.length > 1;
    const mask = rows ? reshape(r, condition, [...condition.shape, ...t.shape.slice(1).map(() => 1)]) : condition;
    return elementwise(r, t.dtype, [cast(r, mask, 'bool'), t, e], (names) => r.emit('Where', names));
  }),
};
