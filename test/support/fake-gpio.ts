import { constants } from 'node:os';
import {
  GPIO_FLAGS,
  GPIO_IOCTLS,
  gpio_v2_line_info,
  gpio_v2_line_request,
  gpio_v2_line_values,
  gpiochip_info,
  type Layout,
  Struct,
} from '../../device/src/output/gpio/abi.js';
import type { GpioCalls } from '../../device/src/output/gpio/libc.js';

export interface FakeChip {
  readonly label: string;
  /** Names of its lines, in order; '' for a line without one. */
  readonly lines: readonly string[];
}

/** A change of the physical level of a line. */
export interface Edge {
  readonly line: string;
  readonly high: boolean;
  readonly atMs: number;
}

type Call = keyof typeof GPIO_IOCTLS | 'open';

/**
 * GPIO chips of a kernel written in JavaScript, with the rules that a program can break: a line is held once, only a held line can be
 * set, levels are logical until active-low turns them, and every call can be made to fail.
 */
export class FakeGpio implements GpioCalls {
  readonly edges: Edge[] = [];
  readonly #files = new Map<
    number,
    { readonly chip: string; readonly offset?: number; readonly activeLow?: boolean }
  >();
  readonly #levels = new Map<string, boolean>();
  readonly #faults = new Map<Call, number>();
  #nextFd = 3;

  constructor(private readonly chips: Readonly<Record<string, FakeChip>>) {}

  /** Lets the next calls of a kind fail, until `mend`. */
  fail(call: Call, errno: keyof typeof constants.errno): void {
    this.#faults.set(call, -constants.errno[errno]);
  }

  mend(): void {
    this.#faults.clear();
  }

  /** Files that are not given back. */
  get held(): number {
    return this.#files.size;
  }

  /** Physical level of a line, such as `gpiochip0:3`; undefined while it never was an output. */
  level(line: string): boolean | undefined {
    return this.#levels.get(line);
  }

  devices(): string[] {
    return ['null', ...Object.keys(this.chips)];
  }

  open(path: string): number {
    const fault = this.#faults.get('open');
    if (fault !== undefined) return fault;
    const chip = path.replace('/dev/', '');
    if (!this.chips[chip]) return -constants.errno.ENOENT;
    return this.#file({ chip });
  }

  close(fd: number): number {
    return this.#files.delete(fd) ? 0 : -constants.errno.EBADF;
  }

  ioctl(fd: number, request: number, argument: Uint8Array): number {
    const name = (Object.keys(GPIO_IOCTLS) as (keyof typeof GPIO_IOCTLS)[]).find((key) => GPIO_IOCTLS[key] === request);
    const file = this.#files.get(fd);
    if (!file) return -constants.errno.EBADF;
    if (!name) return -constants.errno.ENOTTY;
    const fault = this.#faults.get(name);
    if (fault !== undefined) return fault;
    const chip = this.chips[file.chip] as FakeChip;
    switch (name) {
      case 'GPIO_GET_CHIPINFO_IOCTL':
        over(gpiochip_info, argument).set('name', file.chip).set('label', chip.label).set('lines', chip.lines.length);
        return 0;
      case 'GPIO_V2_GET_LINEINFO_IOCTL': {
        const info = over(gpio_v2_line_info, argument);
        info.set('name', chip.lines[info.number('offset')] ?? '');
        return 0;
      }
      case 'GPIO_V2_GET_LINE_IOCTL':
        return this.#take(file.chip, chip, over(gpio_v2_line_request, argument));
      case 'GPIO_V2_LINE_SET_VALUES_IOCTL': {
        if (file.offset === undefined) return -constants.errno.EINVAL;
        this.#set(`${file.chip}:${file.offset}`, (over(gpio_v2_line_values, argument).flags('bits') & 1) === 1, file);
        return 0;
      }
    }
  }

  #take(name: string, chip: FakeChip, request: Struct<typeof gpio_v2_line_request>): number {
    const offset = request.number('offsets[0]');
    const flags = request.flags('config.flags');
    if (request.number('num_lines') !== 1 || offset >= chip.lines.length) return -constants.errno.EINVAL;
    if (!(flags & GPIO_FLAGS.GPIO_V2_LINE_FLAG_OUTPUT)) return -constants.errno.EINVAL;
    if ([...this.#files.values()].some((other) => other.chip === name && other.offset === offset)) {
      return -constants.errno.EBUSY;
    }
    const activeLow = (flags & GPIO_FLAGS.GPIO_V2_LINE_FLAG_ACTIVE_LOW) !== 0;
    request.set('fd', this.#file({ chip: name, offset, activeLow }));
    this.#set(`${name}:${offset}`, (request.flags('config.attrs[0].attr.values') & 1) === 1, { activeLow });
    return 0;
  }

  #set(line: string, active: boolean, { activeLow = false }: { readonly activeLow?: boolean | undefined }): void {
    const high = active !== activeLow;
    if (this.#levels.get(line) === high) return;
    this.#levels.set(line, high);
    this.edges.push({ line, high, atMs: performance.now() });
  }

  #file(file: { readonly chip: string; readonly offset?: number; readonly activeLow?: boolean }): number {
    const fd = this.#nextFd++;
    this.#files.set(fd, file);
    return fd;
  }
}

/** The structure that a caller's memory holds. */
function over<L extends Layout>(layout: L, bytes: Uint8Array): Struct<L> {
  return new Struct(layout, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}
