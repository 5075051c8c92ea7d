import { tf } from '../../graph/tfjs.js';

type Inputs = Readonly<Record<string, tf.Tensor>>;
type Attributes = tf.NamedAttrMap & { pad: unknown; strides: never; dimRoundingMode?: never };
type Sides = { readonly top: number; readonly bottom: number; readonly left: number; readonly right: number };
type Shape4D = [number, number, number, number];

interface Replacement {
  /** Zeros (or the padding's own number) around the image that these inputs and attributes ask for. */
  readonly padding: (inputs: Inputs, attributes: Attributes) => { readonly type: string } & Sides;
  /** The kernel on a padded image: `run` computes it without padding. */
  readonly compute: (
    inputs: Inputs,
    attributes: Attributes,
    sides: Sides,
    run: (inputs: Inputs, attributes: object) => tf.Tensor,
  ) => tf.Tensor;
}

const conv = (image: readonly number[], filter: readonly number[], { strides, pad, dimRoundingMode }: Attributes) =>
  tf.backend_util.computeConv2DInfo(image as Shape4D, filter as Shape4D, strides, 1, pad as never, dimRoundingMode)
    .padInfo;

function padded(image: tf.Tensor, { top, bottom, left, right }: Sides, value = 0): tf.Tensor {
  const sides: [number, number][] = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
  return tf.pad(image, sides, value);
}

/** The kernels that tfjs-node lacks with padding other than "same" and "valid", by the same kernels without padding. */
const REPLACEMENTS: Readonly<Record<string, Replacement>> = {
  Conv2DBackpropInput: {
    padding: ({ filter }, attributes) =>
      conv(attributes.inputShape as number[], (filter as tf.Tensor).shape, attributes),
    compute(inputs, attributes, { top, bottom, left, right }, run) {
      const [batch, height, width, channels] = attributes.inputShape as Shape4D;
      const inputShape = [batch, height + top + bottom, width + left + right, channels];
      return tf.slice(run(inputs, { ...attributes, inputShape }), [0, top, left, 0], [batch, height, width, channels]);
    },
  },
  Conv2DBackpropFilter: {
    padding: ({ x }, attributes) => conv((x as tf.Tensor).shape, attributes.filterShape as number[], attributes),
    compute: (inputs, attributes, sides, run) =>
      run({ ...inputs, x: padded(inputs.x as tf.Tensor, sides) }, attributes),
  },
  MaxPool: {
    padding: ({ x }, attributes) =>
      tf.backend_util.computePool2DInfo(
        (x as tf.Tensor).shape as Shape4D,
        attributes.filterSize as number,
        attributes.strides,
        1,
        attributes.pad as never,
        attributes.dimRoundingMode,
      ).padInfo,
    compute: (inputs, attributes, sides, run) =>
      run({ ...inputs, x: padded(inputs.x as tf.Tensor, sides, Number.NEGATIVE_INFINITY) }, attributes),
  },
};

const supported = new Set<string>();

/**
 * Lets a backend compute what PyTorch's layers ask for: padding by so many rows and columns. tfjs-node (4.22) refuses it in the gradients of
 * a convolution and in pooling.
 */
export function supportExplicitPadding(backendName: string): void {
  if (supported.has(backendName)) return;
  supported.add(backendName);
  for (const [kernelName, { padding, compute }] of Object.entries(REPLACEMENTS)) {
    const { kernelFunc } = tf.getKernel(kernelName, backendName);
    tf.unregisterKernel(kernelName, backendName);
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: (call) => {
        const inputs = call.inputs as unknown as Inputs;
        const attributes = call.attrs as Attributes;
        const sides = padding(inputs, attributes);
        if (sides.type !== 'EXPLICIT') return kernelFunc(call);
        const run = (given: Inputs, attrs: object) =>
          tf.engine().runKernel(kernelName, { ...given }, { ...attrs, pad: 'valid' }) as tf.Tensor;
        return tf.tidy(() => compute(inputs, attributes, sides, run));
      },
    });
  }
}
