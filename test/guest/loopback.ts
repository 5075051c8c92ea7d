import { closeSync, openSync, writeSync } from 'node:fs';
import koffi from 'koffi';

/** V4L2_BUF_TYPE_VIDEO_OUTPUT, V4L2_FIELD_NONE and VIDIOC_S_FMT of linux/videodev2.h. */
const VIDEO_OUTPUT = 2;
const FIELD_NONE = 1;
const S_FMT = 0xc0d05605;

const libc = koffi.load('libc.so.6');
const ioctl = libc.func('int ioctl(int fd, unsigned long request, void *argument)');

/** The feeding end of a v4l2loopback device: what is written comes out as frames. */
export class Feeder {
  readonly #fd: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, fourcc: string, width: number, height: number, sizeBytes: number) {
    this.#fd = openSync(path, 'r+');
    const format = new DataView(new ArrayBuffer(208));
    format.setUint32(0, VIDEO_OUTPUT, true);
    format.setUint32(8, width, true);
    format.setUint32(12, height, true);
    for (let i = 0; i < 4; i++) format.setUint8(16 + i, fourcc.charCodeAt(i));
    format.setUint32(20, FIELD_NONE, true);
    format.setUint32(28, sizeBytes, true);
    if (ioctl(this.#fd, S_FMT, new Uint8Array(format.buffer)) < 0) throw new Error(`${path} takes no ${fourcc}`);
  }

  /** Writes pictures in turn. */
  start(pictures: readonly Uint8Array[], everyMs: number): void {
    let next = 0;
    this.#timer = setInterval(() => writeSync(this.#fd, pictures[next++ % pictures.length] as Uint8Array), everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    closeSync(this.#fd);
  }
}
