import { type BufType, FMT_FLAG, RANGE_TYPE } from '../abi/constants.js';
import { fourccOf, fourccText, type PixelFormat, pixelFormatOf } from '../abi/formats.js';
import { ENUM_FMT, ENUM_FRAMEINTERVALS, ENUM_FRAMESIZES } from '../abi/ioctl.js';
import { v4l2_fmtdesc, v4l2_frmivalenum, v4l2_frmsizeenum } from '../abi/structs.js';
import type { Handle } from '../handle.js';
import { Memory } from '../memory.js';
import { enumerate } from './enumerate.js';

/** A pixel format that a device offers (VIDIOC_ENUM_FMT). */
export interface FormatDescription {
  /** Its four-character code, such as `YUYV`. */
  readonly fourcc: string;
  /** Its name in this package; undefined if the package cannot read it. */
  readonly pixelFormat: PixelFormat | undefined;
  /** What the driver calls it. */
  readonly description: string;
  readonly compressed: boolean;
  /** Made by a library from another format, not by the camera. */
  readonly emulated: boolean;
}

/** Sizes in pixels that a device offers for a format (VIDIOC_ENUM_FRAMESIZES): one, or all of a grid. */
export type FrameSize =
  | { readonly kind: 'discrete'; readonly width: number; readonly height: number }
  | {
      readonly kind: 'stepwise';
      readonly minWidth: number;
      readonly maxWidth: number;
      readonly stepWidth: number;
      readonly minHeight: number;
      readonly maxHeight: number;
      readonly stepHeight: number;
    };

/** A time in seconds, as a fraction. */
export interface Fraction {
  readonly numerator: number;
  readonly denominator: number;
}

/** Times between frames that a device offers (VIDIOC_ENUM_FRAMEINTERVALS): one, or all of a range. */
export type FrameInterval =
  | { readonly kind: 'discrete'; readonly interval: Fraction }
  | { readonly kind: 'stepwise'; readonly min: Fraction; readonly max: Fraction; readonly step: Fraction };

export function formatsOf(handle: Handle, type: BufType): FormatDescription[] {
  const { fields } = v4l2_fmtdesc;
  return enumerate(
    handle,
    ENUM_FMT,
    (index) => Memory.of(v4l2_fmtdesc, { index, type }),
    (view) => {
      const fourcc = fourccText(fields.pixelformat.get(view));
      const flags = fields.flags.get(view);
      return {
        fourcc,
        pixelFormat: pixelFormatOf(fourcc),
        description: fields.description.get(view),
        compressed: (flags & FMT_FLAG.COMPRESSED) !== 0,
        emulated: (flags & FMT_FLAG.EMULATED) !== 0,
      };
    },
  );
}

export function frameSizesOf(handle: Handle, fourcc: string): FrameSize[] {
  const { fields } = v4l2_frmsizeenum;
  const sizes = enumerate(
    handle,
    ENUM_FRAMESIZES,
    (index) => Memory.of(v4l2_frmsizeenum, { index, pixel_format: fourccOf(fourcc) }),
    (view): FrameSize => {
      const type = fields.type.get(view);
      if (type === RANGE_TYPE.DISCRETE) {
        return {
          kind: 'discrete',
          width: fields['discrete.width'].get(view),
          height: fields['discrete.height'].get(view),
        };
      }
      // What is continuous has steps of one pixel, and not every driver writes them.
      const continuous = type === RANGE_TYPE.CONTINUOUS;
      return {
        kind: 'stepwise',
        minWidth: fields['stepwise.min_width'].get(view),
        maxWidth: fields['stepwise.max_width'].get(view),
        stepWidth: continuous ? 1 : fields['stepwise.step_width'].get(view),
        minHeight: fields['stepwise.min_height'].get(view),
        maxHeight: fields['stepwise.max_height'].get(view),
        stepHeight: continuous ? 1 : fields['stepwise.step_height'].get(view),
      };
    },
  );
  return firstRange(sizes);
}

export function frameIntervalsOf(handle: Handle, fourcc: string, width: number, height: number): FrameInterval[] {
  const { fields } = v4l2_frmivalenum;
  const fraction = (view: DataView, at: 'discrete' | 'stepwise.min' | 'stepwise.max' | 'stepwise.step'): Fraction => ({
    numerator: fields[`${at}.numerator`].get(view),
    denominator: fields[`${at}.denominator`].get(view),
  });
  const intervals = enumerate(
    handle,
    ENUM_FRAMEINTERVALS,
    (index) => Memory.of(v4l2_frmivalenum, { index, pixel_format: fourccOf(fourcc), width, height }),
    (view): FrameInterval =>
      fields.type.get(view) === RANGE_TYPE.DISCRETE
        ? { kind: 'discrete', interval: fraction(view, 'discrete') }
        : {
            kind: 'stepwise',
            min: fraction(view, 'stepwise.min'),
            max: fraction(view, 'stepwise.max'),
            step: fraction(view, 'stepwise.step'),
          },
  );
  return firstRange(intervals);
}

/** Only index 0 of a range is defined; some drivers give the same range for every index. */
function firstRange<T extends { readonly kind: string }>(entries: readonly T[]): T[] {
  const [first] = entries;
  return first?.kind === 'stepwise' ? [first] : [...entries];
}
