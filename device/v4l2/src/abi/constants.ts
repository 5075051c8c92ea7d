/** Numbers of linux/videodev2.h, by their names there. */

/** V4L2_CAP_*: what a device can do. */
export const CAP = {
  VIDEO_CAPTURE: 0x00000001,
  VIDEO_CAPTURE_MPLANE: 0x00001000,
  STREAMING: 0x04000000,
  DEVICE_CAPS: 0x80000000,
} as const;

/** V4L2_CAP_TIMEPERFRAME of struct v4l2_captureparm. */
export const CAP_TIMEPERFRAME = 0x1000;

/** enum v4l2_buf_type */
export const BUF_TYPE = { VIDEO_CAPTURE: 1, VIDEO_CAPTURE_MPLANE: 9 } as const;
export type BufType = (typeof BUF_TYPE)[keyof typeof BUF_TYPE];

/** V4L2_MEMORY_MMAP of enum v4l2_memory. */
export const MEMORY_MMAP = 1;

/** V4L2_BUF_FLAG_* */
export const BUF_FLAG = {
  ERROR: 0x00000040,
  TIMESTAMP_MASK: 0x0000e000,
  TIMESTAMP_MONOTONIC: 0x00002000,
  TIMESTAMP_COPY: 0x00004000,
  TSTAMP_SRC_MASK: 0x00070000,
  TSTAMP_SRC_SOE: 0x00010000,
} as const;

/** V4L2_FMT_FLAG_* */
export const FMT_FLAG = { COMPRESSED: 0x0001, EMULATED: 0x0002 } as const;

/** enum v4l2_frmsizetypes and enum v4l2_frmivaltypes, which count alike. */
export const RANGE_TYPE = { DISCRETE: 1, CONTINUOUS: 2, STEPWISE: 3 } as const;

/** V4L2_PIX_FMT_PRIV_MAGIC: the fields of v4l2_pix_format after priv are valid. */
export const PIX_FMT_PRIV_MAGIC = 0xfeedcafe;

/** enum v4l2_ctrl_type, without the compound ones. */
export const CTRL_TYPE = {
  INTEGER: 1,
  BOOLEAN: 2,
  MENU: 3,
  BUTTON: 4,
  INTEGER64: 5,
  CTRL_CLASS: 6,
  STRING: 7,
  BITMASK: 8,
  INTEGER_MENU: 9,
} as const;

/** V4L2_CTRL_FLAG_* */
export const CTRL_FLAG = {
  DISABLED: 0x0001,
  GRABBED: 0x0002,
  READ_ONLY: 0x0004,
  UPDATE: 0x0008,
  INACTIVE: 0x0010,
  SLIDER: 0x0020,
  WRITE_ONLY: 0x0040,
  VOLATILE: 0x0080,
  HAS_PAYLOAD: 0x0100,
  EXECUTE_ON_WRITE: 0x0200,
  MODIFY_LAYOUT: 0x0400,
  DYNAMIC_ARRAY: 0x0800,
  NEXT_CTRL: 0x80000000,
} as const;

/** V4L2_EVENT_SOURCE_CHANGE, and V4L2_EVENT_SRC_CH_RESOLUTION among its changes. */
export const EVENT_SOURCE_CHANGE = 5;
export const EVENT_SRC_CH_RESOLUTION = 0x0001;

/** poll.h, bits/poll.h */
export const POLL = { IN: 0x001, PRI: 0x002, ERR: 0x008, HUP: 0x010, NVAL: 0x020 } as const;

/** bits/fcntl-linux.h: the same numbers on x86-64 and arm64. */
export const OPEN = { RDWR: 0o2, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

/** bits/mman.h */
export const MMAP = { PROT_READ: 1, PROT_WRITE: 2, SHARED: 1 } as const;
