import { type Backbone, type ConvLayer, layersOf } from '../../trainer/src/model/teacher/table.js';

/** 32-bit FNV-1a of ASCII text. */
function fnv1a(text: string): number {
  let state = 2166136261;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 16777619);
  return state >>> 0;
}

/** Numbers in [low, low + range) that a name alone decides: as test/fixtures/backbones.py makes them. */
export function uniform(name: string, count: number, low = 0, range = 1): Float32Array {
  const values = new Float32Array(count);
  let state = fnv1a(name);
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    values[i] = low + range * ((state >>> 8) / 2 ** 24);
  }
  return values;
}

/** A tensor in PyTorch's layout that its name alone decides: a filter of variance 2 / fan-in, or one of a batch normalisation. */
export function generated(name: string, shape: readonly number[]): Float32Array {
  const product = (dims: readonly number[]) => dims.reduce((total, dim) => total * dim, 1);
  const count = product(shape);
  if (shape.length === 4) {
    const bound = Math.sqrt(6 / product(shape.slice(1)));
    return uniform(name, count, -bound, 2 * bound);
  }
  if (name.endsWith('.running_var')) return uniform(name, count, 0.5, 1);
  if (name.endsWith('.weight')) return uniform(name, count, 0.5, 0.5);
  return uniform(name, count, -0.2, 0.4);
}

/** A tensor of a file, of any element type. */
export interface Tensor {
  readonly name: string;
  readonly dtype: 'F16' | 'F32' | 'I64';
  readonly shape: readonly number[];
  readonly data: Uint16Array | Float32Array | BigInt64Array;
}

const float = (name: string, shape: readonly number[]): Tensor => ({
  name,
  dtype: 'F32',
  shape,
  data: generated(name, shape),
});

/** Tensors of one convolution with the BatchNorm behind it, as torchvision and timm name them; the counter is an integer. */
function tensorsOf({ name, norm, input, output, kernel }: ConvLayer): Tensor[] {
  return [
    float(`${name}.weight`, [output, input, kernel, kernel]),
    ...['weight', 'bias', 'running_mean', 'running_var'].map((tensor) => float(`${norm}.${tensor}`, [output])),
    { name: `${norm}.num_batches_tracked`, dtype: 'I64', shape: [], data: new BigInt64Array(1) },
  ];
}

/** What published files hold behind the last tap. */
const BEYOND = [float('layer4.0.conv1.weight', [2, 2, 1, 1]), float('fc.weight', [2, 2]), float('fc.bias', [2])];

/** What torchvision and timm publish of a residual network: BatchNorm unfolded, with a stage 4 and a head, which are stubs. */
export function publishedTensors(backbone: Backbone): Tensor[] {
  return [...layersOf(backbone).flatMap(tensorsOf), ...BEYOND];
}

/** The same as a file. */
export const publishedFile = (backbone: Backbone) => safetensors(publishedTensors(backbone));

/** A safetensors file; the trainer's own writer knows float32 alone. */
export function safetensors(tensors: readonly Tensor[]): Uint8Array {
  let end = 0;
  const entries = tensors.map(({ name, dtype, shape, data }) => {
    const begin = end;
    end += data.byteLength;
    return [name, { dtype, shape, data_offsets: [begin, end] }] as const;
  });
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const bytes = new Uint8Array(8 + header.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  let at = 8 + header.length;
  for (const { data } of tensors) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/** What test/fixtures/backbones.py keeps of a tensor: sums, and some entries at equal distances. */
export interface Digest {
  readonly shape: readonly number[];
  readonly sum: number;
  readonly sumOfMagnitudes: number;
  readonly largest: number;
  readonly step: number;
  readonly samples: readonly number[];
}
