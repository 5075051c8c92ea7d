import * as structs from './structs.js';

/** A request of ioctl(2): its name in linux/videodev2.h, its number, and the bytes its argument takes. */
export interface Ioctl {
  readonly name: `VIDIOC_${string}`;
  readonly request: number;
  readonly size: number;
}

/** asm-generic/ioctl.h, from the view of the process. */
const WRITE = 1;
const READ = 2;

/** _IOC(direction, 'V', number, size) of asm-generic/ioctl.h. */
const ioctl = (name: Ioctl['name'], direction: number, number: number, size: number): Ioctl => ({
  name,
  request: ((direction << 30) | (size << 16) | ('V'.charCodeAt(0) << 8) | number) >>> 0,
  size,
});

const INT = 4;

export const QUERYCAP = ioctl('VIDIOC_QUERYCAP', READ, 0, structs.v4l2_capability.size);
export const ENUM_FMT = ioctl('VIDIOC_ENUM_FMT', READ | WRITE, 2, structs.v4l2_fmtdesc.size);
export const G_FMT = ioctl('VIDIOC_G_FMT', READ | WRITE, 4, structs.v4l2_format.size);
export const S_FMT = ioctl('VIDIOC_S_FMT', READ | WRITE, 5, structs.v4l2_format.size);
export const REQBUFS = ioctl('VIDIOC_REQBUFS', READ | WRITE, 8, structs.v4l2_requestbuffers.size);
export const QUERYBUF = ioctl('VIDIOC_QUERYBUF', READ | WRITE, 9, structs.v4l2_buffer.size);
export const QBUF = ioctl('VIDIOC_QBUF', READ | WRITE, 15, structs.v4l2_buffer.size);
export const DQBUF = ioctl('VIDIOC_DQBUF', READ | WRITE, 17, structs.v4l2_buffer.size);
export const STREAMON = ioctl('VIDIOC_STREAMON', WRITE, 18, INT);
export const STREAMOFF = ioctl('VIDIOC_STREAMOFF', WRITE, 19, INT);
export const G_PARM = ioctl('VIDIOC_G_PARM', READ | WRITE, 21, structs.v4l2_streamparm.size);
export const S_PARM = ioctl('VIDIOC_S_PARM', READ | WRITE, 22, structs.v4l2_streamparm.size);
export const QUERYMENU = ioctl('VIDIOC_QUERYMENU', READ | WRITE, 37, structs.v4l2_querymenu.size);
export const G_EXT_CTRLS = ioctl('VIDIOC_G_EXT_CTRLS', READ | WRITE, 71, structs.v4l2_ext_controls.size);
export const S_EXT_CTRLS = ioctl('VIDIOC_S_EXT_CTRLS', READ | WRITE, 72, structs.v4l2_ext_controls.size);
export const ENUM_FRAMESIZES = ioctl('VIDIOC_ENUM_FRAMESIZES', READ | WRITE, 74, structs.v4l2_frmsizeenum.size);
export const ENUM_FRAMEINTERVALS = ioctl('VIDIOC_ENUM_FRAMEINTERVALS', READ | WRITE, 75, structs.v4l2_frmivalenum.size);
export const S_DV_TIMINGS = ioctl('VIDIOC_S_DV_TIMINGS', READ | WRITE, 87, structs.v4l2_dv_timings.size);
export const DQEVENT = ioctl('VIDIOC_DQEVENT', READ, 89, structs.v4l2_event.size);
export const SUBSCRIBE_EVENT = ioctl('VIDIOC_SUBSCRIBE_EVENT', WRITE, 90, structs.v4l2_event_subscription.size);
export const QUERY_DV_TIMINGS = ioctl('VIDIOC_QUERY_DV_TIMINGS', READ, 99, structs.v4l2_dv_timings.size);
export const QUERY_EXT_CTRL = ioctl('VIDIOC_QUERY_EXT_CTRL', READ | WRITE, 103, structs.v4l2_query_ext_ctrl.size);
