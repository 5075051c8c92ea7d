import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { BeltsightError } from '@beltsight/sdk';
import type { Switch } from '../signal/pulse.js';
import {
  GPIO_FLAGS,
  GPIO_IOCTLS,
  gpio_v2_line_info,
  gpio_v2_line_request,
  gpio_v2_line_values,
  gpiochip_info,
  Struct,
} from './abi.js';
import type { GpioCalls } from './libc.js';
import type { GpioLineConfig } from './schema.js';

/** What the kernel is told that holds the line. */
const CONSUMER = 'beltsight';

/** An output line that this process holds. Inactive from when it is opened; closed, it goes back to the kernel. */
export class GpioLine implements Switch {
  readonly #values = new Struct(gpio_v2_line_values);
  #fd: number | undefined;
  #closed = false;

  private constructor(
    private readonly calls: GpioCalls,
    private readonly config: GpioLineConfig,
  ) {}

  /**
   * Takes the line as an output at its inactive level.
   * @throws BeltsightError OUTPUT_FAILED naming chip and line, and what to do
   */
  static open(calls: GpioCalls, config: GpioLineConfig): GpioLine {
    const line = new GpioLine(calls, config);
    line.#fd = line.#request();
    return line;
  }

  /**
   * A line that fails is given back, and taken anew at the next call: a chip on USB may have been unplugged.
   * @throws BeltsightError OUTPUT_FAILED
   */
  set(active: boolean): void {
    if (this.#closed) return;
    this.#fd ??= this.#request();
    this.#values.set('bits', active ? 1 : 0).set('mask', 1);
    const answer = this.calls.ioctl(this.#fd, GPIO_IOCTLS.GPIO_V2_LINE_SET_VALUES_IOCTL, this.#values.bytes);
    if (answer >= 0) return;
    this.#release();
    throw this.#error('cannot be set', answer);
  }

  /** Inactive, and given back. Where the level goes then is the chip driver's choice: wire a pull resistor. */
  close(): void {
    try {
      if (this.#fd !== undefined) this.set(false);
    } finally {
      this.#closed = true;
      this.#release();
    }
  }

  #release(): void {
    if (this.#fd !== undefined) this.calls.close(this.#fd);
    this.#fd = undefined;
  }

  #request(): number {
    const chip = this.#openChip();
    try {
      const { activeLow, drive } = this.config;
      const flags =
        GPIO_FLAGS.GPIO_V2_LINE_FLAG_OUTPUT |
        (activeLow ? GPIO_FLAGS.GPIO_V2_LINE_FLAG_ACTIVE_LOW : 0) |
        (drive === 'open-drain' ? GPIO_FLAGS.GPIO_V2_LINE_FLAG_OPEN_DRAIN : 0) |
        (drive === 'open-source' ? GPIO_FLAGS.GPIO_V2_LINE_FLAG_OPEN_SOURCE : 0);
      const request = new Struct(gpio_v2_line_request)
        .set('offsets[0]', this.#offset(chip.fd, chip.lines))
        .set('consumer', CONSUMER)
        .set('config.flags', flags)
        .set('num_lines', 1)
        // The level from the first moment on: inactive, in the terms of active-low.
        .set('config.num_attrs', 1)
        .set('config.attrs[0].attr.id', GPIO_FLAGS.GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES)
        .set('config.attrs[0].attr.values', 0)
        .set('config.attrs[0].mask', 1);
      const answer = this.calls.ioctl(chip.fd, GPIO_IOCTLS.GPIO_V2_GET_LINE_IOCTL, request.bytes);
      if (answer < 0) throw this.#error('cannot be taken as an output', answer);
      return request.number('fd');
    } finally {
      this.calls.close(chip.fd);
    }
  }

  /** The chip by path, name or label. */
  #openChip(): { readonly fd: number; readonly lines: number } {
    const { chip } = this.config;
    const paths = this.calls.devices().filter((name) => /^gpiochip\d+$/.test(name));
    const candidates = chip.startsWith('/') ? [chip] : paths.map((name) => `/dev/${name}`);
    const seen: string[] = [];
    let refused: number | undefined;
    for (const path of candidates) {
      const fd = this.calls.open(path);
      if (fd < 0) {
        refused = fd;
        continue;
      }
      const info = new Struct(gpiochip_info);
      const answer = this.calls.ioctl(fd, GPIO_IOCTLS.GPIO_GET_CHIPINFO_IOCTL, info.bytes);
      const [name, label] = [info.text('name'), info.text('label')];
      if (answer >= 0 && [path, name, label].includes(chip)) return { fd, lines: info.number('lines') };
      if (answer < 0) refused = answer;
      else seen.push(`${name} (${label})`);
      this.calls.close(fd);
    }
    if (refused !== undefined) throw this.#error('cannot be reached', refused);
    throw new BeltsightError(
      'OUTPUT_FAILED',
      `There is no GPIO chip "${chip}"; this device has ${seen.join(', ') || 'none'}. Correct "chip" in the configuration.`,
    );
  }

  #offset(fd: number, lines: number): number {
    const { chip, line } = this.config;
    if (typeof line === 'number') {
      if (line < lines) return line;
      throw new BeltsightError('OUTPUT_FAILED', `GPIO chip "${chip}" has lines 0 to ${lines - 1}, not ${line}.`);
    }
    for (let offset = 0; offset < lines; offset++) {
      const info = new Struct(gpio_v2_line_info).set('offset', offset);
      const answer = this.calls.ioctl(fd, GPIO_IOCTLS.GPIO_V2_GET_LINEINFO_IOCTL, info.bytes);
      if (answer < 0) throw this.#error('cannot be looked up', answer);
      if (info.text('name') === line) return offset;
    }
    throw new BeltsightError(
      'OUTPUT_FAILED',
      `GPIO chip "${chip}" has no line "${line}": \`gpioinfo\` shows its names; a number will do, too.`,
    );
  }

  #error(what: string, answer: number): BeltsightError {
    const { chip, line } = this.config;
    const remedy = REMEDIES.get(-answer) ?? 'the kernel log (dmesg) may say why';
    return new BeltsightError(
      'OUTPUT_FAILED',
      `GPIO line ${line} of chip "${chip}" ${what} (${getSystemErrorName(answer)}): ${remedy}.`,
    );
  }
}

const { errno } = constants;
const REMEDIES: ReadonlyMap<number, string> = new Map([
  [errno.EACCES, 'give the user the rights to /dev/gpiochip*, see docs/outputs.md'],
  [errno.EPERM, 'give the user the rights to /dev/gpiochip*, see docs/outputs.md'],
  [errno.ENOENT, 'there is no such chip; `gpiodetect` lists them'],
  [errno.ENODEV, 'the chip is gone; plug it in again'],
  [errno.EBUSY, 'something else uses the line; `gpioinfo` says what'],
  [errno.EINVAL, 'it cannot be an output of this kind, or the kernel is older than 5.10'],
  [errno.ENOTTY, 'it is no GPIO chip, or the kernel is older than 5.10'],
]);
