import { constants } from 'node:os';

/** Stable error codes: part of the public contract, never renamed, only added to. */
export type V4l2ErrorCode =
  /** No such device, or none with that id. */
  | 'V4L2_NOT_FOUND'
  /** The process may not open the device. */
  | 'V4L2_DENIED'
  /** Another process (or this one, elsewhere) uses the device. */
  | 'V4L2_BUSY'
  /** The device was there and is no longer: unplugged, or its driver is gone. */
  | 'V4L2_GONE'
  /** It is no device that captures video by streaming. */
  | 'V4L2_NOT_CAPTURE'
  | 'V4L2_UNSUPPORTED_FORMAT'
  | 'V4L2_UNSUPPORTED_SIZE'
  | 'V4L2_CONTROL_UNKNOWN'
  /** A value that the control does not take, or a control that cannot be set or read. */
  | 'V4L2_CONTROL_INVALID'
  /** An option that makes no sense, whatever the device. */
  | 'V4L2_ARGUMENT_INVALID'
  | 'V4L2_NO_MEMORY'
  /** The USB bus cannot carry the stream. */
  | 'V4L2_NO_BANDWIDTH'
  /** The driver gave up the stream. */
  | 'V4L2_IO'
  /** What is plugged into the input gives another picture size now: the camera has to be opened anew. */
  | 'V4L2_SOURCE_CHANGED'
  /** Nothing that gives a picture is plugged into the input. */
  | 'V4L2_NO_SIGNAL'
  /** The camera was closed, or its frames are already being read. */
  | 'V4L2_STATE'
  /** Not Linux on x64 or arm64. */
  | 'V4L2_UNSUPPORTED_PLATFORM'
  /** The driver answered with an error that this package has no better name for. */
  | 'V4L2_FAILED';

/** What failed, for programs. */
export interface V4l2ErrorDetails {
  /** Path of the device. */
  readonly device?: string;
  /** The call that failed: `VIDIOC_STREAMON`, `mmap`, ... */
  readonly call?: string;
  /** Name of its error number: `EBUSY`, ... */
  readonly errno?: string;
  readonly cause?: unknown;
}

/** The one error class of the package. `message` names the device, what failed and the remedy. */
export class V4l2Error extends Error {
  override readonly name = 'V4l2Error';
  readonly device: string | undefined;
  readonly call: string | undefined;
  readonly errno: string | undefined;

  constructor(
    readonly code: V4l2ErrorCode,
    message: string,
    { device, call, errno, cause }: V4l2ErrorDetails = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.device = device;
    this.call = call;
    this.errno = errno;
  }
}

/** An error as it travels between threads, which lose classes on the way. */
export type ErrorRecord = Pick<V4l2Error, 'code' | 'message' | 'device' | 'call' | 'errno'>;

export function errorRecord(error: unknown): ErrorRecord {
  if (!(error instanceof V4l2Error)) {
    return {
      code: 'V4L2_FAILED',
      message: String((error as Error)?.stack ?? error),
      device: undefined,
      call: undefined,
      errno: undefined,
    };
  }
  const { code, message, device, call, errno } = error;
  return { code, message, device, call, errno };
}

export function errorOf({ code, message, device, call, errno }: ErrorRecord): V4l2Error {
  return new V4l2Error(code, message, {
    ...(device === undefined ? {} : { device }),
    ...(call === undefined ? {} : { call }),
    ...(errno === undefined ? {} : { errno }),
  });
}

/** The error of a system call that answered with `errno`. */
export function systemError(device: string, call: string, errno: number): V4l2Error {
  const name = errnoName(errno);
  const [code, remedy] = MEANINGS[`${call} ${name}`] ?? MEANINGS[name] ?? ['V4L2_FAILED', UNKNOWN];
  return new V4l2Error(code, `${call} on ${device} failed with ${name}: ${remedy.replaceAll('DEVICE', device)}.`, {
    device,
    call,
    errno: name,
  });
}

export const ERRNO = constants.errno;

const NAMES = new Map(Object.entries(ERRNO).map(([name, number]) => [number, name]));
// Two names share number 11; the manual pages of V4L2 use this one.
NAMES.set(ERRNO.EAGAIN, 'EAGAIN');

function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}

const UNKNOWN = 'the driver refuses it; the kernel log (dmesg) may say why';
const GONE = ['V4L2_GONE', 'the device is gone; plug it in again and open it anew'] as const;
const BUSY = ['V4L2_BUSY', 'something else uses the camera; stop it ("fuser -v DEVICE" names it)'] as const;
const DENIED = ['V4L2_DENIED', 'add the user to the group that owns the device, usually "video"'] as const;
const NO_CAPTURE = ['V4L2_NOT_CAPTURE', 'it is no video capture device; listDevices() gives those that are'] as const;

const NO_SIGNAL = [
  'V4L2_NO_SIGNAL',
  'the input has no signal that can be read; plug the source in, switch it on and open it anew',
] as const;

/** What an error number means, for one call or for any, and what to do about it. */
const MEANINGS: Readonly<Record<string, readonly [V4l2ErrorCode, string]>> = {
  'open ENOENT': ['V4L2_NOT_FOUND', 'there is no such device; listDevices() gives those that are there'],
  'open ENODEV': GONE,
  'open ENXIO': GONE,
  'open EMFILE': ['V4L2_FAILED', 'the process has too many files open; close some, or raise its limit (ulimit -n)'],
  'VIDIOC_QUERYCAP ENOTTY': NO_CAPTURE,
  'VIDIOC_QUERYCAP EINVAL': NO_CAPTURE,
  'VIDIOC_STREAMON ENOSPC': [
    'V4L2_NO_BANDWIDTH',
    'the USB bus cannot carry the stream; take a smaller size, fewer frames a second or MJPG, or another USB controller',
  ],
  'VIDIOC_STREAMON EPIPE': ['V4L2_FAILED', 'parts of the pipeline have different formats; set it up with media-ctl'],
  'VIDIOC_QUERY_DV_TIMINGS ENOLINK': NO_SIGNAL,
  'VIDIOC_QUERY_DV_TIMINGS ENOLCK': NO_SIGNAL,
  EACCES: DENIED,
  EPERM: DENIED,
  EBUSY: BUSY,
  ENODEV: GONE,
  ENXIO: GONE,
  ESHUTDOWN: GONE,
  EIO: ['V4L2_IO', 'the camera or its driver broke the stream off; open it anew, and check cable and supply'],
  EPROTO: ['V4L2_IO', 'the camera does not answer as it should; check cable and supply'],
  ETIMEDOUT: ['V4L2_IO', 'the camera does not answer; check cable and supply'],
  ENOMEM: ['V4L2_NO_MEMORY', 'there is not enough memory for the buffers; take fewer buffers or a smaller size'],
  ENOSPC: ['V4L2_NO_MEMORY', 'there is no room for it; take fewer buffers or a smaller size'],
};
