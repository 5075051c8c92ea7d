/** One layer of a backbone with BatchNorm folded in: `<name>.weight` (O,I,kh,kw) and `<name>.bias` of a folded file. */
export interface ConvLayer {
  readonly kind: 'conv' | 'depthwise';
  readonly name: string;
  /** What the BatchNorm behind it is called in a file that has it unfolded: there is no `<name>.bias` then. */
  readonly norm?: string;
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

/** What reconstructs a backbone's taps: neck and decoder, of the backbone's own kind of residual blocks. */
interface StudentShape {
  /** Blocks of the neck's stage: as many as the backbone's stage 4 has. */
  readonly neckBlocks: number;
  /** Blocks of the decoder's stages at strides 16, 8 and 4: RD has the backbone's counts in the backbone's order. */
  readonly decoderBlocks: readonly [number, number, number];
  /** Only of bottleneck blocks. Without, they are basic ones. */
  readonly bottleneck?: {
    /** A block's output has so many times the channels of its nominal width. */
    readonly expansion: number;
    /** Inner channels of the decoder's blocks for each 64 of their nominal width: 128 in a wide network. */
    readonly baseWidth: number;
  };
}

/** A frozen backbone as data: what it computes, where it is tapped, how pixels in 0..1 enter. */
export interface Backbone {
  readonly name: string;
  readonly operations: readonly Operation[];
  readonly taps: readonly [Tap, Tap, Tap];
  /** Input = (pixel - mean) / deviation per channel, pixel in 0..1. */
  readonly normalisation: { readonly mean: readonly number[]; readonly deviation: readonly number[] };
  readonly student: StudentShape;
  /** Names of a file's tensors that come after the last tap, and are not needed. */
  readonly beyond: RegExp;
}

/** Convolutions of a backbone, in order. */
export function layersOf(backbone: Backbone): ConvLayer[] {
  return backbone.operations.flatMap((operation) => (operation.do === 'conv' ? [operation.layer] : []));
}
