import { BeltsightError } from '@beltsight/sdk';
import { type OpenSafetensors, openSafetensors, type StoredTensor } from '../safetensors.js';
import { MOBILENET_V2 } from './mobilenet-v2.js';
import { RESNETS } from './resnet.js';
import { TEACHER_PREFIX } from './run.js';
import { type Backbone, type ConvLayer, layersOf } from './table.js';

/** What PyTorch adds to a variance before taking its root. */
const EPSILON = 1e-5;

/** Tensors of a BatchNorm that folding needs. */
const NORM_TENSORS = ['weight', 'bias', 'running_mean', 'running_var'] as const;

/** All backbones there are. */
export const BACKBONES: readonly Backbone[] = [MOBILENET_V2, ...RESNETS];

/** Whether `name` is that of a backbone's table, which needs no weights to be counted. */
export const isArchitecture = (name: string) => BACKBONES.some((backbone) => backbone.name === name);

/** A backbone with its weights: `teacher.<layer>.{weight,bias}`, filters [kh,kw,I,O], depthwise [kh,kw,C,1]. */
export interface BackboneWeights {
  readonly backbone: Backbone;
  readonly weights: ReadonlyMap<string, StoredTensor>;
  /** What the file says of itself. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads a safetensors file of a known backbone, recognised by names and shapes of its tensors: with BatchNorm folded in
 * (`<layer>.weight`, `<layer>.bias`), or unfolded as torchvision and timm write it, which is folded here in double precision.
 * @param source what the bytes are, for messages: a file name
 * @throws BeltsightError BACKBONE_INVALID if it is no safetensors file, or of no backbone that is known
 */
export function readBackbone(bytes: Uint8Array, source: string): BackboneWeights {
  requireNoPickle(bytes, source);
  const file = openSafetensors(bytes, source);
  const misfits: string[] = [];
  for (const backbone of BACKBONES) {
    const folded = file.shapes.has(`${layersOf(backbone)[0]?.name}.bias`);
    const misfit = misfitOf(backbone, folded, file.shapes);
    if (misfit === undefined) {
      return { backbone, weights: weightsOf(backbone, folded, file, source), metadata: file.metadata };
    }
    misfits.push(`  ${backbone.name}: ${misfit}`);
  }
  throw new BeltsightError(
    'BACKBONE_INVALID',
    `${source} holds none of the backbones that Beltsight knows:\n${misfits.join('\n')}`,
  );
}

/**
 * A PyTorch file is a zip archive with pickled objects inside, an old one a pickle: reading it can run code. The length of a
 * safetensors header may begin with the same bytes, but the header itself is a JSON object.
 */
function requireNoPickle(bytes: Uint8Array, source: string): void {
  if (bytes[8] === '{'.charCodeAt(0)) return;
  const zip = bytes[0] === 0x50 && bytes[1] === 0x4b;
  const pickle = bytes[0] === 0x80 && (bytes[1] as number) <= 5;
  if (!zip && !pickle) return;
  throw new BeltsightError(
    'BACKBONE_INVALID',
    `${source} is a PyTorch file (.pth, .pt, .bin): reading one can run code that it holds, so only safetensors files are read. ` +
      'Convert it where PyTorch is installed: python3 -c "import sys, torch, safetensors.torch as s; ' +
      "s.save_file({k: v.contiguous() for k, v in torch.load(sys.argv[1], map_location='cpu').items()}, sys.argv[2])\" " +
      'model.pth model.safetensors',
  );
}

const filterShape = ({ kind, kernel, input, output }: ConvLayer) => [
  output,
  kind === 'depthwise' ? 1 : input,
  kernel,
  kernel,
];

/** Shapes of the tensors that a file of a backbone has. */
function shapesOf(backbone: Backbone, folded: boolean): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (const layer of layersOf(backbone)) {
    shapes.set(`${layer.name}.weight`, filterShape(layer));
    if (folded || layer.norm === undefined) shapes.set(`${layer.name}.bias`, [layer.output]);
    else for (const tensor of NORM_TENSORS) shapes.set(`${layer.norm}.${tensor}`, [layer.output]);
  }
  return shapes;
}

/** Why a file is not of this backbone; nothing if it is. Networks with other layers between would pass for it otherwise. */
function misfitOf(
  backbone: Backbone,
  folded: boolean,
  found: ReadonlyMap<string, readonly number[]>,
): string | undefined {
  const needed = shapesOf(backbone, folded);
  for (const [name, shape] of needed) {
    const actual = found.get(name);
    if (!actual) return `"${name}" is missing`;
    if (actual.join() !== shape.join()) return `"${name}" is [${actual}], not [${shape}]`;
  }
  const ignored = (name: string) => backbone.beyond.test(name) || name.endsWith('.num_batches_tracked');
  const extra = [...found.keys()].find((name) => !needed.has(name) && !ignored(name));
  return extra === undefined ? undefined : `there is "${extra}", which it does not have`;
}

function weightsOf(backbone: Backbone, folded: boolean, file: OpenSafetensors, source: string) {
  const weights = new Map<string, StoredTensor>();
  for (const layer of layersOf(backbone)) {
    const filter = file.read(`${layer.name}.weight`).data;
    const { scale, bias } =
      folded || layer.norm === undefined
        ? { scale: undefined, bias: file.read(`${layer.name}.bias`).data }
        : affineOf(layer.norm, file, source);
    weights.set(`${TEACHER_PREFIX}${layer.name}.weight`, storedFilter(layer, filter, scale));
    weights.set(`${TEACHER_PREFIX}${layer.name}.bias`, { shape: [layer.output], data: bias });
  }
  return weights;
}

/** BatchNorm in evaluation as x * scale + bias, in double precision; the bias is rounded once, here. */
function affineOf(norm: string, file: OpenSafetensors, source: string): { scale: Float64Array; bias: Float32Array } {
  const [gamma, beta, mean, variance] = NORM_TENSORS.map((tensor) => file.read(`${norm}.${tensor}`).data) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  if (variance.some((value) => value < 0)) {
    throw new BeltsightError('BACKBONE_INVALID', `${source}: "${norm}.running_var" has a negative variance.`);
  }
  const scale = Float64Array.from(gamma, (value, i) => value / Math.sqrt((variance[i] as number) + EPSILON));
  const bias = Float32Array.from(beta, (value, i) => value - (mean[i] as number) * (scale[i] as number));
  return { scale, bias };
}

/** A filter (O,I,kh,kw), scaled per output channel, as [kh,kw,I,O]; a depthwise one, (C,1,kh,kw), as [kh,kw,C,1]. */
function storedFilter(layer: ConvLayer, data: Float32Array, scale: Float64Array | undefined): StoredTensor {
  const { kernel, output } = layer;
  const input = layer.kind === 'depthwise' ? 1 : layer.input;
  const taps = kernel * kernel;
  const filter = new Float32Array(data.length);
  for (let o = 0; o < output; o++) {
    const factor = scale?.[o] ?? 1;
    for (let i = 0; i < input; i++) {
      for (let tap = 0; tap < taps; tap++) {
        filter[(tap * input + i) * output + o] = (data[(o * input + i) * taps + tap] as number) * factor;
      }
    }
  }
  const shape = layer.kind === 'depthwise' ? [kernel, kernel, output, 1] : [kernel, kernel, input, output];
  return { shape, data: filter };
}
