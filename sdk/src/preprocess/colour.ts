import type { GraphBuilder } from '../onnx/builder.js';
import { float32, int64 } from '../onnx/tensor.js';
import type { Colorimetry } from './formats.js';

/** Shares of red and blue in luma (ITU-R BT.601-7 2.5.1, BT.709-6 item 3.2). */
const LUMA = { bt601: { red: 0.299, blue: 0.114 }, bt709: { red: 0.2126, blue: 0.0722 } } as const;

/** Rows R, G, B as linear functions of Y, Cb, Cr (8 bits each), and what is added to them. */
function conversion({ matrix, range }: Colorimetry): { readonly rows: number[]; readonly offsets: number[] } {
  const { red, blue } = LUMA[matrix];
  const green = 1 - red - blue;
  const luma = range === 'full' ? 1 : 255 / 219;
  const chroma = range === 'full' ? 1 : 255 / 224;
  const rows = [
    [luma, 0, 2 * (1 - red) * chroma],
    [luma, ((-2 * blue * (1 - blue)) / green) * chroma, ((-2 * red * (1 - red)) / green) * chroma],
    [luma, 2 * (1 - blue) * chroma, 0],
  ];
  const black = range === 'full' ? 0 : 16;
  const offsets = rows.map(([y = 0, cb = 0, cr = 0]) => -y * black - (cb + cr) * 128);
  return { rows: rows.flat(), offsets };
}

/** Y, Cb and Cr planes [3,h,w] to R, G and B, whole numbers in 0..255. */
export function toRgb(g: GraphBuilder, planes: string, height: number, width: number, colour: Colorimetry): string {
  const { rows, offsets } = conversion(colour);
  const flat = g.node('Reshape', [planes, g.initializer(int64([3, height * width]), 'flat')]);
  const product = g.node('MatMul', [g.initializer(float32([3, 3], rows), 'conversion'), flat]);
  // Half is added to the offsets: rounded down, it rounds to the nearest.
  const shifted = g.node('Add', [
    product,
    g.initializer(
      float32(
        [3, 1],
        offsets.map((o) => o + 0.5),
      ),
      'offsets',
    ),
  ]);
  const whole = g.node('Clip', [
    g.node('Floor', [shifted]),
    g.initializer(float32([], [0]), 'black'),
    g.initializer(float32([], [255]), 'white'),
  ]);
  return g.node('Reshape', [whole, g.initializer(int64([3, height, width]), 'planes')]);
}
