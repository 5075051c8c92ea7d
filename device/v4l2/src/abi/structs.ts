/**
 * Structures of linux/videodev2.h and poll.h as 64-bit kernels lay them out (LP64, the same on x86-64 and arm64). Names, and
 * designators of members, are those of the headers: the system tests compile each of them with a C compiler and compare.
 */
import { type Fields, type Struct, s32, s64, text, u8, u32, u64 } from './field.js';

const struct = <F extends Fields>(size: number, fields: F): Struct<F> => ({
  size,
  fields,
});

/** VIDEO_MAX_PLANES */
export const MAX_PLANES = 8;

export const v4l2_capability = struct(104, {
  driver: text(0, 16),
  card: text(16, 32),
  bus_info: text(48, 32),
  version: u32(80),
  capabilities: u32(84),
  device_caps: u32(88),
});

export const v4l2_fmtdesc = struct(64, {
  index: u32(0),
  type: u32(4),
  flags: u32(8),
  description: text(12, 32),
  pixelformat: u32(44),
});

export const v4l2_frmsizeenum = struct(44, {
  index: u32(0),
  pixel_format: u32(4),
  type: u32(8),
  'discrete.width': u32(12),
  'discrete.height': u32(16),
  'stepwise.min_width': u32(12),
  'stepwise.max_width': u32(16),
  'stepwise.step_width': u32(20),
  'stepwise.min_height': u32(24),
  'stepwise.max_height': u32(28),
  'stepwise.step_height': u32(32),
});

export const v4l2_frmivalenum = struct(52, {
  index: u32(0),
  pixel_format: u32(4),
  width: u32(8),
  height: u32(12),
  type: u32(16),
  'discrete.numerator': u32(20),
  'discrete.denominator': u32(24),
  'stepwise.min.numerator': u32(20),
  'stepwise.min.denominator': u32(24),
  'stepwise.max.numerator': u32(28),
  'stepwise.max.denominator': u32(32),
  'stepwise.step.numerator': u32(36),
  'stepwise.step.denominator': u32(40),
});

/** struct v4l2_plane_pix_format, the element of plane_fmt in v4l2_pix_format_mplane. */
export const v4l2_plane_pix_format = struct(20, { sizeimage: u32(0), bytesperline: u32(4) });

export const v4l2_format = struct(208, {
  type: u32(0),
  'fmt.pix.width': u32(8),
  'fmt.pix.height': u32(12),
  'fmt.pix.pixelformat': u32(16),
  'fmt.pix.field': u32(20),
  'fmt.pix.bytesperline': u32(24),
  'fmt.pix.sizeimage': u32(28),
  'fmt.pix.colorspace': u32(32),
  'fmt.pix.priv': u32(36),
  'fmt.pix.flags': u32(40),
  'fmt.pix.ycbcr_enc': u32(44),
  'fmt.pix.quantization': u32(48),
  'fmt.pix.xfer_func': u32(52),
  'fmt.pix_mp.width': u32(8),
  'fmt.pix_mp.height': u32(12),
  'fmt.pix_mp.pixelformat': u32(16),
  'fmt.pix_mp.field': u32(20),
  'fmt.pix_mp.colorspace': u32(24),
  'fmt.pix_mp.plane_fmt[0].sizeimage': u32(28),
  'fmt.pix_mp.num_planes': u8(188),
  'fmt.pix_mp.flags': u8(189),
  'fmt.pix_mp.ycbcr_enc': u8(190),
  'fmt.pix_mp.quantization': u8(191),
  'fmt.pix_mp.xfer_func': u8(192),
});

export const v4l2_streamparm = struct(204, {
  type: u32(0),
  'parm.capture.capability': u32(4),
  'parm.capture.capturemode': u32(8),
  'parm.capture.timeperframe.numerator': u32(12),
  'parm.capture.timeperframe.denominator': u32(16),
});

export const v4l2_requestbuffers = struct(20, { count: u32(0), type: u32(4), memory: u32(8), capabilities: u32(12) });

export const v4l2_plane = struct(64, {
  bytesused: u32(0),
  length: u32(4),
  'm.mem_offset': u32(8),
  data_offset: u32(16),
});

export const v4l2_buffer = struct(88, {
  index: u32(0),
  type: u32(4),
  bytesused: u32(8),
  flags: u32(12),
  field: u32(16),
  'timestamp.tv_sec': s64(24),
  'timestamp.tv_usec': s64(32),
  sequence: u32(56),
  memory: u32(60),
  'm.offset': u32(64),
  'm.planes': u64(64),
  length: u32(72),
});

export const v4l2_query_ext_ctrl = struct(232, {
  id: u32(0),
  type: u32(4),
  name: text(8, 32),
  minimum: s64(40),
  maximum: s64(48),
  step: u64(56),
  default_value: s64(64),
  flags: u32(72),
  elem_size: u32(76),
  elems: u32(80),
  nr_of_dims: u32(84),
});

/** Packed. */
export const v4l2_querymenu = struct(44, { id: u32(0), index: u32(4), name: text(8, 32), value: s64(8) });

/** Packed. */
export const v4l2_ext_control = struct(20, {
  id: u32(0),
  size: u32(4),
  value: s32(12),
  value64: s64(12),
  string: u64(12),
});

export const v4l2_ext_controls = struct(32, {
  which: u32(0),
  count: u32(4),
  error_idx: u32(8),
  request_fd: s32(12),
  controls: u64(24),
});

/** struct v4l2_event; of its union, what V4L2_EVENT_SOURCE_CHANGE fills. */
export const v4l2_event = struct(136, {
  type: u32(0),
  'u.src_change.changes': u32(8),
  pending: u32(72),
  sequence: u32(76),
  id: u32(96),
});

export const v4l2_event_subscription = struct(32, { type: u32(0), id: u32(4), flags: u32(8) });

/** Packed. Beyond these members it is handed back to the driver as the driver wrote it. */
export const v4l2_dv_timings = struct(132, { type: u32(0), 'bt.width': u32(4), 'bt.height': u32(8) });
