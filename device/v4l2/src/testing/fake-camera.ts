import { BUF_FLAG, BUF_TYPE, CAP, CAP_TIMEPERFRAME, MEMORY_MMAP, POLL } from '../abi/constants.js';
import { fourccOf, fourccText } from '../abi/formats.js';
import * as structs from '../abi/structs.js';
import { ERRNO } from '../errors.js';
import type { Clock } from './clock.js';
import { FakeControls } from './fake-controls.js';
import { FakeInput } from './fake-input.js';
import type { FakeDevice, FakeFormat, Scenario } from './scenario.js';

interface FakeBuffer {
  /** One piece of memory for each plane. */
  readonly memory: readonly Uint8Array[];
  state: 'free' | 'queued' | 'filled';
  sequence: number;
  bytesUsed: number;
  filledAt: number;
}

/** Distance between the offsets of two pieces of memory. */
const PAGE = 4096;

/** One device of a {@link FakeDriver}: formats, buffers and frames. Every byte of a frame is its number's lowest one. */
export class FakeCamera {
  readonly controls: FakeControls;
  /** What is plugged in, where the device is for digital video. */
  readonly input: FakeInput;
  buffers: FakeBuffer[] = [];
  streaming = false;
  /** The file that has the buffers. */
  owner: number | undefined;
  /** Frames that came while no buffer was free. */
  missed = 0;
  /** Bytes by which the driver says that a frame is shorter than it should be. */
  shorten = 0;
  #format: FakeFormat;
  #size: readonly [number, number];
  #rate: number;
  #sequence: number;
  #startedAt = 0;
  #due = 0;

  constructor(
    private readonly device: FakeDevice,
    private readonly scenario: Scenario,
    private readonly clock: Clock,
    memoryAt: (address: bigint) => Uint8Array | undefined,
  ) {
    this.controls = new FakeControls(device.controls, memoryAt);
    this.input = new FakeInput(device.digital, (size) => {
      if (this.owner !== undefined) return false;
      this.#size = size;
      return true;
    });
    this.planesAt = memoryAt;
    this.#format = device.formats[0] as FakeFormat;
    this.#size = this.#format.sizes[0] as readonly [number, number];
    this.#rate = device.rates.at(-1) ?? 30;
    this.#sequence = device.firstSequence;
  }

  private readonly planesAt: (address: bigint) => Uint8Array | undefined;

  get #type(): number {
    return (this.device.flags & CAP.VIDEO_CAPTURE) !== 0 ? BUF_TYPE.VIDEO_CAPTURE : BUF_TYPE.VIDEO_CAPTURE_MPLANE;
  }

  get #multi(): boolean {
    return this.#type === BUF_TYPE.VIDEO_CAPTURE_MPLANE;
  }

  /** When a poll has to look again, by the clock. */
  get nextFrameAt(): number {
    return this.streaming && this.scenario.rateHz !== null ? this.#due : Number.POSITIVE_INFINITY;
  }

  /** The file that had the buffers is closed. Memory that is still mapped keeps the device busy. */
  release(mapped: number): void {
    this.streaming = false;
    this.owner = mapped > 0 ? -1 : undefined;
    if (mapped === 0) this.buffers = [];
  }

  memoryAt(offset: number): Uint8Array | undefined {
    return this.buffers.flatMap(({ memory }) => memory)[offset / PAGE];
  }

  /** POLL* */
  events(): number {
    if (!this.streaming) return POLL.ERR;
    this.#fill();
    return (this.buffers.some(({ state }) => state === 'filled') ? POLL.IN : 0) | (this.input.pending ? POLL.PRI : 0);
  }

  /** Answers with an error number, or 0. */
  ioctl(fd: number, name: string, view: DataView, mapped: number): number {
    switch (name) {
      case 'VIDIOC_QUERYCAP':
        return this.#querycap(view);
      case 'VIDIOC_ENUM_FMT':
        return this.#enumFormat(view);
      case 'VIDIOC_ENUM_FRAMESIZES':
        return this.#enumSize(view);
      case 'VIDIOC_ENUM_FRAMEINTERVALS':
        return this.#enumInterval(view);
      case 'VIDIOC_G_FMT':
        return this.#writeFormat(view);
      case 'VIDIOC_S_FMT':
        return this.owner !== undefined ? ERRNO.EBUSY : this.#setFormat(view);
      case 'VIDIOC_G_PARM':
        return this.#writeInterval(view);
      case 'VIDIOC_S_PARM':
        return this.#setInterval(view);
      case 'VIDIOC_REQBUFS':
        return this.#request(fd, view, mapped);
      case 'VIDIOC_QUERYBUF':
        return this.#query(view);
      case 'VIDIOC_QBUF':
        return this.#queue(view);
      case 'VIDIOC_DQBUF':
        return this.#dequeue(view);
      case 'VIDIOC_STREAMON':
        return this.#start();
      case 'VIDIOC_STREAMOFF':
        this.streaming = false;
        for (const buffer of this.buffers) buffer.state = 'free';
        return 0;
      default:
        return this.input.ioctl(name, view) ?? this.controls.ioctl(name, view);
    }
  }

  #querycap(view: DataView): number {
    const { fields } = structs.v4l2_capability;
    fields.driver.set(view, 'fake');
    fields.card.set(view, this.device.card);
    fields.bus_info.set(view, this.device.busInfo);
    fields.version.set(view, (6 << 16) | (1 << 8) | 9);
    // The driver as a whole can do more than this device file.
    fields.capabilities.set(view, (this.device.flags | CAP.DEVICE_CAPS | CAP.VIDEO_CAPTURE) >>> 0);
    fields.device_caps.set(view, this.device.flags);
    return 0;
  }

  #enumFormat(view: DataView): number {
    const { fields } = structs.v4l2_fmtdesc;
    const format = this.device.formats[fields.index.get(view)];
    if (!format || fields.type.get(view) !== this.#type) return ERRNO.EINVAL;
    fields.pixelformat.set(view, fourccOf(format.fourcc));
    fields.description.set(view, `Fake ${format.fourcc}`);
    fields.flags.set(view, format.memory[0]?.bytes === 0 ? 1 : 0);
    return 0;
  }

  #enumSize(view: DataView): number {
    const { fields } = structs.v4l2_frmsizeenum;
    const format = this.#find(fields.pixel_format.get(view));
    const size = format?.sizes[fields.index.get(view)];
    if (!size) return ERRNO.EINVAL;
    fields.type.set(view, 1);
    fields['discrete.width'].set(view, size[0]);
    fields['discrete.height'].set(view, size[1]);
    return 0;
  }

  #enumInterval(view: DataView): number {
    const { fields } = structs.v4l2_frmivalenum;
    const rate = this.device.rates[fields.index.get(view)];
    const [width, height] = [fields.width.get(view), fields.height.get(view)];
    const known = this.#find(fields.pixel_format.get(view))?.sizes.some(([w, h]) => w === width && h === height);
    if (rate === undefined || !known) return ERRNO.EINVAL;
    fields.type.set(view, 1);
    fields['discrete.numerator'].set(view, 1);
    fields['discrete.denominator'].set(view, rate);
    return 0;
  }

  #setFormat(view: DataView): number {
    const { fields } = structs.v4l2_format;
    if (fields.type.get(view) !== this.#type) return ERRNO.EINVAL;
    // As drivers do, the nearest of what there is.
    this.#format = this.#find(fields['fmt.pix.pixelformat'].get(view)) ?? (this.device.formats[0] as FakeFormat);
    const wanted = fields['fmt.pix.width'].get(view);
    const distance = ([width]: readonly [number, number]) => Math.abs(width - wanted);
    this.#size = [...this.#format.sizes].sort((a, b) => distance(a) - distance(b))[0] as readonly [number, number];
    return this.#writeFormat(view);
  }

  #writeFormat(view: DataView): number {
    const { fields } = structs.v4l2_format;
    if (fields.type.get(view) !== this.#type) return ERRNO.EINVAL;
    const [width, height] = this.#size;
    fields['fmt.pix.width'].set(view, width);
    fields['fmt.pix.height'].set(view, height);
    fields['fmt.pix.pixelformat'].set(view, fourccOf(this.#format.fourcc));
    fields['fmt.pix.field'].set(view, 1);
    const memory = this.#memory();
    if (!this.#multi) {
      fields['fmt.pix.bytesperline'].set(view, memory[0]?.stride ?? 0);
      fields['fmt.pix.sizeimage'].set(view, memory[0]?.sizeBytes ?? 0);
      fields['fmt.pix.colorspace'].set(view, 8);
      fields['fmt.pix.ycbcr_enc'].set(view, 1);
      fields['fmt.pix.quantization'].set(view, 2);
      fields['fmt.pix.xfer_func'].set(view, 2);
      return 0;
    }
    fields['fmt.pix_mp.colorspace'].set(view, 3);
    fields['fmt.pix_mp.ycbcr_enc'].set(view, 2);
    fields['fmt.pix_mp.quantization'].set(view, 1);
    fields['fmt.pix_mp.xfer_func'].set(view, 1);
    fields['fmt.pix_mp.num_planes'].set(view, memory.length);
    for (const [i, { stride, sizeBytes }] of memory.entries()) {
      const { size, fields: plane } = structs.v4l2_plane_pix_format;
      const base = fields['fmt.pix_mp.plane_fmt[0].sizeimage'].offset + i * size;
      plane.bytesperline.set(view, stride, base);
      plane.sizeimage.set(view, sizeBytes, base);
    }
    return 0;
  }

  #setInterval(view: DataView): number {
    const { fields } = structs.v4l2_streamparm;
    const numerator = fields['parm.capture.timeperframe.numerator'].get(view);
    const denominator = fields['parm.capture.timeperframe.denominator'].get(view);
    const distance = (rate: number) => Math.abs(rate - denominator / numerator);
    if (this.device.rates.length === 0) return ERRNO.ENOTTY;
    this.#rate = [...this.device.rates].sort((a, b) => distance(a) - distance(b))[0] as number;
    return this.#writeInterval(view);
  }

  #writeInterval(view: DataView): number {
    const { fields } = structs.v4l2_streamparm;
    if (this.device.rates.length === 0) return ERRNO.ENOTTY;
    fields['parm.capture.capability'].set(view, CAP_TIMEPERFRAME);
    fields['parm.capture.timeperframe.numerator'].set(view, 1);
    fields['parm.capture.timeperframe.denominator'].set(view, this.#rate);
    return 0;
  }

  #request(fd: number, view: DataView, mapped: number): number {
    const { fields } = structs.v4l2_requestbuffers;
    if (fields.type.get(view) !== this.#type || fields.memory.get(view) !== MEMORY_MMAP) return ERRNO.EINVAL;
    if ((this.owner !== undefined && this.owner !== fd) || mapped > 0) return ERRNO.EBUSY;
    const count = fields.count.get(view);
    const memory = this.#memory();
    this.streaming = false;
    this.buffers = Array.from({ length: count }, () => ({
      memory: memory.map(({ sizeBytes }) => new Uint8Array(sizeBytes)),
      state: 'free' as const,
      sequence: 0,
      bytesUsed: 0,
      filledAt: 0,
    }));
    this.owner = count > 0 ? fd : undefined;
    return 0;
  }

  #query(view: DataView): number {
    const index = structs.v4l2_buffer.fields.index.get(view);
    const buffer = this.buffers[index];
    if (!buffer) return ERRNO.EINVAL;
    const offset = (piece: number) => (index * buffer.memory.length + piece) * PAGE;
    if (!this.#multi) {
      structs.v4l2_buffer.fields.length.set(view, buffer.memory[0]?.length ?? 0);
      structs.v4l2_buffer.fields['m.offset'].set(view, offset(0));
      return 0;
    }
    return this.#planes(view, buffer, (plane, base, i) => {
      const { fields } = structs.v4l2_plane;
      fields.length.set(plane, buffer.memory[i]?.length ?? 0, base);
      fields['m.mem_offset'].set(plane, offset(i), base);
    });
  }

  #queue(view: DataView): number {
    const buffer = this.buffers[structs.v4l2_buffer.fields.index.get(view)];
    if (buffer?.state !== 'free') return ERRNO.EINVAL;
    const errno = this.#multi ? this.#planes(view, buffer, () => undefined) : 0;
    if (errno === 0) buffer.state = 'queued';
    return errno;
  }

  #dequeue(view: DataView): number {
    if (!this.streaming) return ERRNO.EINVAL;
    this.#fill();
    const filled = this.buffers.filter(({ state }) => state === 'filled');
    const oldest = filled.sort((a, b) => a.filledAt - b.filledAt || a.sequence - b.sequence)[0];
    if (!oldest) return ERRNO.EAGAIN;
    oldest.state = 'free';
    const { fields } = structs.v4l2_buffer;
    const us = Math.round(oldest.filledAt * 1000);
    const damaged = this.device.damaged.includes(oldest.sequence) ? BUF_FLAG.ERROR : 0;
    fields.index.set(view, this.buffers.indexOf(oldest));
    fields.sequence.set(view, oldest.sequence);
    fields.flags.set(view, BUF_FLAG.TIMESTAMP_MONOTONIC | BUF_FLAG.TSTAMP_SRC_SOE | damaged);
    fields.field.set(view, 1);
    fields['timestamp.tv_sec'].set(view, BigInt(Math.floor(us / 1_000_000)));
    fields['timestamp.tv_usec'].set(view, BigInt(us % 1_000_000));
    if (!this.#multi) {
      fields.bytesused.set(view, oldest.bytesUsed);
      return 0;
    }
    return this.#planes(view, oldest, (plane, base, i) => {
      structs.v4l2_plane.fields.bytesused.set(plane, oldest.memory[i]?.length ?? 0, base);
    });
  }

  #start(): number {
    if (this.buffers.length === 0) return ERRNO.EINVAL;
    this.streaming = true;
    this.#startedAt = this.clock.now();
    this.#due = this.#startedAt + 1000 / (this.scenario.rateHz ?? 1000);
    return 0;
  }

  /** Frames that are due, into buffers that are queued. */
  #fill(): void {
    const now = this.clock.now();
    while (this.scenario.rateHz === null || this.#due <= now) {
      const queued = this.buffers.find(({ state }) => state === 'queued');
      if (!queued && this.scenario.rateHz === null) return;
      while (this.device.lost.includes(this.#sequence)) this.#sequence++;
      const sequence = this.#sequence;
      this.#sequence = (sequence + 1) >>> 0;
      if (queued) this.#write(queued, sequence);
      else this.missed++;
      this.#due += 1000 / (this.scenario.rateHz ?? 1000);
    }
  }

  #write(buffer: FakeBuffer, sequence: number): void {
    const compressed = this.#format.memory[0]?.bytes === 0;
    if (this.scenario.render) for (const piece of buffer.memory) piece.fill(sequence & 0xff);
    buffer.bytesUsed = (compressed ? 100 + (sequence % 50) : (buffer.memory[0]?.length ?? 0)) - this.shorten;
    buffer.sequence = sequence;
    buffer.state = 'filled';
    buffer.filledAt = this.scenario.rateHz === null ? this.clock.now() : this.#due;
  }

  #planes(view: DataView, buffer: FakeBuffer, visit: (plane: DataView, base: number, i: number) => void): number {
    const { fields } = structs.v4l2_buffer;
    const bytes = this.planesAt(fields['m.planes'].get(view));
    if (!bytes || fields.length.get(view) < buffer.memory.length) return ERRNO.EINVAL;
    const plane = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < buffer.memory.length; i++) visit(plane, i * structs.v4l2_plane.size, i);
    fields.length.set(view, buffer.memory.length);
    return 0;
  }

  #memory(): { stride: number; sizeBytes: number }[] {
    const [width, height] = this.#size;
    const { memory, padding = 0, slack = 0 } = this.#format;
    return memory.map(({ bytes, rows }) => {
      if (bytes === 0) return { stride: 0, sizeBytes: width * height };
      const stride = width * bytes + padding;
      return { stride, sizeBytes: stride * (height * rows + slack) };
    });
  }

  #find(fourcc: number): FakeFormat | undefined {
    return this.device.formats.find((format) => format.fourcc === fourccText(fourcc));
  }
}
