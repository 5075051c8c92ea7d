import { type Colour, colourOf, type FieldOrder, fieldOf } from '../abi/colour.js';
import { BUF_TYPE, type BufType, CAP_TIMEPERFRAME, PIX_FMT_PRIV_MAGIC } from '../abi/constants.js';
import { fourccOf, fourccText } from '../abi/formats.js';
import { G_FMT, G_PARM, S_FMT, S_PARM } from '../abi/ioctl.js';
import { MAX_PLANES, v4l2_format, v4l2_plane_pix_format, v4l2_streamparm } from '../abi/structs.js';
import { ERRNO, systemError } from '../errors.js';
import type { Handle } from '../handle.js';
import { Memory } from '../memory.js';
import type { Fraction } from './formats.js';

/** The format that a device is set to, in the driver's words (struct v4l2_pix_format, struct v4l2_pix_format_mplane). */
export interface Format {
  readonly fourcc: string;
  readonly width: number;
  readonly height: number;
  readonly field: FieldOrder;
  readonly colour: Colour;
  /** Pieces of memory that a frame takes: bytes from row to row (0 for compressed data), and bytes in all. */
  readonly memory: readonly { readonly stride: number; readonly sizeBytes: number }[];
}

/** What to set a device to. */
export interface FormatRequest {
  readonly fourcc: string;
  readonly width: number;
  readonly height: number;
}

const { fields } = v4l2_format;

export function getFormat(handle: Handle, type: BufType): Format {
  const memory = Memory.of(v4l2_format, { type });
  handle.ioctl(G_FMT, memory);
  return read(memory.view, type);
}

/** Sets the format, and answers with what the driver made of it: the nearest that it has. */
export function setFormat(handle: Handle, type: BufType, request: FormatRequest): Format {
  const pixelformat = fourccOf(request.fourcc);
  // Width and height lie at the same places in both variants, and field 0 (any) leaves the order to the driver.
  const memory = Memory.of(v4l2_format, {
    type,
    'fmt.pix.width': request.width,
    'fmt.pix.height': request.height,
    'fmt.pix.pixelformat': pixelformat,
    ...(type === BUF_TYPE.VIDEO_CAPTURE ? { 'fmt.pix.priv': PIX_FMT_PRIV_MAGIC } : {}),
  });
  handle.ioctl(S_FMT, memory);
  return read(memory.view, type);
}

/** Seconds between frames, if the driver knows (VIDIOC_G_PARM). */
export function getInterval(handle: Handle, type: BufType): Fraction | undefined {
  const memory = Memory.of(v4l2_streamparm, { type });
  const errno = handle.tryIoctl(G_PARM, memory);
  if (errno === ERRNO.ENOTTY || errno === ERRNO.EINVAL) return undefined;
  if (errno !== 0) throw systemError(handle.path, G_PARM.name, errno);
  return readInterval(memory.view);
}

/** Sets the time between frames, and answers with the nearest that the driver has; undefined where it has no say in it. */
export function setInterval(handle: Handle, type: BufType, { numerator, denominator }: Fraction): Fraction | undefined {
  const memory = Memory.of(v4l2_streamparm, {
    type,
    'parm.capture.timeperframe.numerator': numerator,
    'parm.capture.timeperframe.denominator': denominator,
  });
  const errno = handle.tryIoctl(S_PARM, memory);
  if (errno === ERRNO.ENOTTY || errno === ERRNO.EINVAL) return undefined;
  if (errno !== 0) throw systemError(handle.path, S_PARM.name, errno);
  return readInterval(memory.view);
}

function readInterval(view: DataView): Fraction | undefined {
  const parm = v4l2_streamparm.fields;
  const numerator = parm['parm.capture.timeperframe.numerator'].get(view);
  const denominator = parm['parm.capture.timeperframe.denominator'].get(view);
  const supported = (parm['parm.capture.capability'].get(view) & CAP_TIMEPERFRAME) !== 0;
  return supported && numerator > 0 && denominator > 0 ? { numerator, denominator } : undefined;
}

function read(view: DataView, type: BufType): Format {
  return type === BUF_TYPE.VIDEO_CAPTURE ? readSingle(view) : readMulti(view);
}

function readSingle(view: DataView): Format {
  return {
    fourcc: fourccText(fields['fmt.pix.pixelformat'].get(view)),
    width: fields['fmt.pix.width'].get(view),
    height: fields['fmt.pix.height'].get(view),
    field: fieldOf(fields['fmt.pix.field'].get(view)),
    colour: colourOf(
      fields['fmt.pix.colorspace'].get(view),
      fields['fmt.pix.ycbcr_enc'].get(view),
      fields['fmt.pix.quantization'].get(view),
      fields['fmt.pix.xfer_func'].get(view),
    ),
    memory: [{ stride: fields['fmt.pix.bytesperline'].get(view), sizeBytes: fields['fmt.pix.sizeimage'].get(view) }],
  };
}

function readMulti(view: DataView): Format {
  const planes = Math.min(fields['fmt.pix_mp.num_planes'].get(view), MAX_PLANES);
  const first = fields['fmt.pix_mp.plane_fmt[0].sizeimage'].offset;
  return {
    fourcc: fourccText(fields['fmt.pix_mp.pixelformat'].get(view)),
    width: fields['fmt.pix_mp.width'].get(view),
    height: fields['fmt.pix_mp.height'].get(view),
    field: fieldOf(fields['fmt.pix_mp.field'].get(view)),
    colour: colourOf(
      fields['fmt.pix_mp.colorspace'].get(view),
      fields['fmt.pix_mp.ycbcr_enc'].get(view),
      fields['fmt.pix_mp.quantization'].get(view),
      fields['fmt.pix_mp.xfer_func'].get(view),
    ),
    memory: Array.from({ length: planes }, (_, plane) => {
      const base = first + plane * v4l2_plane_pix_format.size;
      return {
        stride: v4l2_plane_pix_format.fields.bytesperline.get(view, base),
        sizeBytes: v4l2_plane_pix_format.fields.sizeimage.get(view, base),
      };
    }),
  };
}
