/** One layer of a backbone with BatchNorm folded in: `<name>.weight` (O,I,kh,kw) and `<name>.bias` of the file. */
export interface ConvLayer {
  readonly kind: 'conv' | 'depthwise';
  readonly name: string;
  readonly kernel: number;
  readonly stride: number;
  readonly input: number;
  readonly output: number;
  readonly activation: 'relu6' | 'relu' | 'none';
  /** `same`: TensorFlow's SAME (at stride 2 on even sizes only after); `symmetric`: PyTorch's kernel / 2 on both sides. */
  readonly padding: 'same' | 'symmetric';
}

/** What a backbone does, in order. Names of `save` and `add` refer to earlier outputs. */
export type Operation =
  | { readonly do: 'conv'; readonly layer: ConvLayer; readonly from?: string; readonly save?: string }
  | { readonly do: 'maxPool' }
  | { readonly do: 'save'; readonly as: string }
  | { readonly do: 'add'; readonly of: string; readonly relu: boolean };

interface Tap {
  /** Name of the saved output. */
  readonly name: string;
  readonly channels: number;
  readonly stride: 4 | 8 | 16;
}

/** A frozen backbone as data: what it computes, where it is tapped, how pixels in 0..1 enter. */
export interface Backbone {
  readonly name: string;
  readonly operations: readonly Operation[];
  readonly taps: readonly [Tap, Tap, Tap];
  /** Input = (pixel - mean) / deviation per channel, pixel in 0..1. */
  readonly normalisation: { readonly mean: readonly number[]; readonly deviation: readonly number[] };
}

/** Convolutions of a backbone, in order. */
export function layersOf(backbone: Backbone): ConvLayer[] {
  return backbone.operations.flatMap((operation) => (operation.do === 'conv' ? [operation.layer] : []));
}
