/**
 * The GPIO character device, version 2 (linux/gpio.h, Linux 5.10 and newer), as 64-bit kernels lay it out: the same on x86-64 and
 * arm64, both little-endian. Names are those of the header, and a test compiles each with a C compiler and compares.
 */

/** A structure: its size, and where its members lie, as [offset, bytes]. */
export interface Layout {
  readonly size: number;
  readonly fields: Readonly<Record<string, readonly [number, number]>>;
}

export const gpiochip_info = { size: 68, fields: { name: [0, 32], label: [32, 32], lines: [64, 4] } } as const;

export const gpio_v2_line_info = {
  size: 256,
  fields: { name: [0, 32], consumer: [32, 32], offset: [64, 4], num_attrs: [68, 4], flags: [72, 8] },
} as const;

export const gpio_v2_line_request = {
  size: 592,
  fields: {
    'offsets[0]': [0, 4],
    consumer: [256, 32],
    'config.flags': [288, 8],
    'config.num_attrs': [296, 4],
    'config.attrs[0].attr.id': [320, 4],
    'config.attrs[0].attr.values': [328, 8],
    'config.attrs[0].mask': [336, 8],
    num_lines: [560, 4],
    fd: [588, 4],
  },
} as const;

export const gpio_v2_line_values = { size: 16, fields: { bits: [0, 8], mask: [8, 8] } } as const;

/** Requests of ioctl(2): _IOR and _IOWR of asm-generic/ioctl.h with the type 0xB4. */
const READ = 2;
const WRITE = 1;
const ioctl = (direction: number, number: number, { size }: Layout): number =>
  ((direction << 30) | (size << 16) | (0xb4 << 8) | number) >>> 0;

export const GPIO_IOCTLS = {
  GPIO_GET_CHIPINFO_IOCTL: ioctl(READ, 0x01, gpiochip_info),
  GPIO_V2_GET_LINEINFO_IOCTL: ioctl(READ | WRITE, 0x05, gpio_v2_line_info),
  GPIO_V2_GET_LINE_IOCTL: ioctl(READ | WRITE, 0x07, gpio_v2_line_request),
  GPIO_V2_LINE_SET_VALUES_IOCTL: ioctl(READ | WRITE, 0x0f, gpio_v2_line_values),
} as const;

export const GPIO_FLAGS = {
  GPIO_V2_LINE_FLAG_ACTIVE_LOW: 2,
  GPIO_V2_LINE_FLAG_OUTPUT: 8,
  GPIO_V2_LINE_FLAG_OPEN_DRAIN: 64,
  GPIO_V2_LINE_FLAG_OPEN_SOURCE: 128,
  GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES: 2,
} as const;

/** A structure in memory; by default memory of its own, zeroed, that does not move. */
export class Struct<L extends Layout> {
  constructor(
    private readonly layout: L,
    readonly bytes: Buffer = Buffer.from(new ArrayBuffer(layout.size)),
  ) {}

  set(field: keyof L['fields'] & string, value: number | string): this {
    const [offset, size] = this.#place(field);
    if (typeof value === 'string') this.bytes.fill(0, offset, offset + size).write(value, offset, size - 1, 'utf8');
    else if (size === 8) this.bytes.writeBigUInt64LE(BigInt(value), offset);
    else this.bytes.writeInt32LE(value | 0, offset);
    return this;
  }

  /** A number of 4 bytes. */
  number(field: keyof L['fields'] & string): number {
    return this.bytes.readInt32LE(this.#place(field)[0]);
  }

  /** A number of 8 bytes of which the lower 32 bits matter. */
  flags(field: keyof L['fields'] & string): number {
    return this.bytes.readUInt32LE(this.#place(field)[0]);
  }

  text(field: keyof L['fields'] & string): string {
    const [offset, size] = this.#place(field);
    const end = this.bytes.indexOf(0, offset);
    return this.bytes.toString('utf8', offset, end < 0 || end > offset + size ? offset + size : end);
  }

  #place(field: string): readonly [number, number] {
    return this.layout.fields[field] as readonly [number, number];
  }
}
