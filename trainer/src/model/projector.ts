import { tf } from '../graph/tfjs.js';
import type { Declared } from './blocks.js';
import { conv2d } from './layers/convolution.js';
import { instanceNorm } from './layers/normalise.js';
import type { ParameterSpec, Weights } from './parameters.js';

/**
 * What a projector is made of (Table 5 of the paper): four or two blocks of [conv 3x3 with bias, instance norm, leaky relu], or
 * an MLP of two layers on each position's features (1x1 convolutions with bias, leaky relu between), as SimpleNet adapts
 * features.
 */
export const PROJECTOR_FORMS = ['4-conv', '2-conv', 'mlp'] as const;
type ProjectorForm = (typeof PROJECTOR_FORMS)[number];

/** The projector of one scale. Channels: C -> C/2 -> C/4 -> C/2 -> C for `4-conv`, C -> C/2 -> C for the others. */
export interface ProjectorShape {
  readonly name: string;
  readonly form: ProjectorForm;
  readonly channels: number;
  /** The first width between is `channels` divided by `reduction`, the next half of that; the paper's is 2. */
  readonly reduction: number;
  /** Stride of the scale's map, in pixels of the network's input. */
  readonly stride: number;
}

const SLOPE = 0.01;

/** Channels before, between and after the layers. */
function widthsOf({ form, channels, reduction }: ProjectorShape): number[] {
  const middle = Math.max(1, Math.floor(channels / reduction));
  if (form !== '4-conv') return [channels, middle, channels];
  return [channels, middle, Math.max(1, Math.floor(middle / 2)), middle, channels];
}

const kernelOf = ({ form }: ProjectorShape) => (form === 'mlp' ? 1 : 3);
const layersOf = ({ form }: ProjectorShape) => (form === '4-conv' ? 4 : 2);

export function declareProjector(shape: ProjectorShape): Declared {
  const widths = widthsOf(shape);
  const kernel = kernelOf(shape);
  const parameters = widths.slice(1).flatMap((output, i): ParameterSpec[] => {
    const input = widths[i] as number;
    const init = { kind: 'uniform', fan: input * kernel * kernel } as const;
    const name = `${shape.name}.${i}.0`;
    const filter = [kernel, kernel, input, output];
    return [
      { name: `${name}.weight`, shape: filter, group: 'projector', init, stride: shape.stride },
      { name: `${name}.bias`, shape: [output], group: 'projector', init },
    ];
  });
  return { parameters, statistics: [] };
}

/** Features [N,h,w,C] of one scale refined: of the same shape. */
export function projectScale(x: tf.Tensor4D, shape: ProjectorShape, weights: Weights): tf.Tensor4D {
  const padding = (kernelOf(shape) - 1) / 2;
  let y = x;
  for (let i = 0; i < layersOf(shape); i++) {
    const name = `${shape.name}.${i}.0`;
    if (shape.form === 'mlp' && i > 0) y = tf.leakyRelu(y, SLOPE);
    y = conv2d(y, weights.get(`${name}.weight`), { padding, bias: weights.get(`${name}.bias`) });
    if (shape.form !== 'mlp') y = tf.leakyRelu(instanceNorm(y), SLOPE);
  }
  return y;
}
