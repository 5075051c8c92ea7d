import { describe, expect, it, vi } from 'vitest';
import { type FakeChip, FakeGpio } from '../../../../test/support/fake-gpio.js';
import { gpioTables } from '../../../../test/support/gpio-header.js';
import header from './header.fixture.json' with { type: 'json' };
import { GpioLine } from './line.js';
import { GpioLines } from './lines.js';
import { gpioLineSchema } from './schema.js';

const CHIPS: Readonly<Record<string, FakeChip>> = {
  gpiochip0: { label: 'tegra234-gpio', lines: ['PA.00', 'EJECT', ''] },
  gpiochip1: { label: 'ftdi', lines: ['', '', '', 'D3'] },
};
const lineOf = (calls: FakeGpio, config: object) => GpioLine.open(calls, gpioLineSchema.parse(config));

describe('numbers of linux/gpio.h', () => {
  it('structures lie, and constants are, as the compiler has them', () => {
    const { structs, numbers } = header;
    expect(gpioTables()).toEqual({ structs, numbers });
  });
});

describe('GpioLine', () => {
  it.each([
    ['path and number', '/dev/gpiochip0', 1],
    ['name', 'gpiochip0', 'EJECT'],
    ['label', 'tegra234-gpio', 'EJECT'],
  ])('is found by %s, is inactive from the start, and follows', (_, chip, line) => {
    const calls = new FakeGpio(CHIPS);
    const output = lineOf(calls, { chip, line });
    expect(calls.level('gpiochip0:1')).toBe(false);
    output.set(true);
    expect(calls.level('gpiochip0:1')).toBe(true);
    output.close();
    expect(calls.level('gpiochip0:1')).toBe(false);
    expect(calls.held).toBe(0);
  });

  it('is high at rest where active is low', () => {
    const calls = new FakeGpio(CHIPS);
    const output = lineOf(calls, { chip: 'ftdi', line: 'D3', activeLow: true });
    expect(calls.level('gpiochip1:3')).toBe(true);
    output.set(true);
    expect(calls.level('gpiochip1:3')).toBe(false);
    output.close();
    expect(calls.level('gpiochip1:3')).toBe(true);
  });

  it.each([
    ['no such chip', { chip: 'nothere', line: 0 }, /no GPIO chip "nothere"; .*gpiochip0 \(tegra234-gpio\), gpiochip1/],
    ['no such path', { chip: '/dev/gpiochip7', line: 0 }, /cannot be reached \(ENOENT\).*gpiodetect/],
    ['no such line', { chip: 'ftdi', line: 4 }, /lines 0 to 3, not 4/],
    ['no line of that name', { chip: 'ftdi', line: 'D9' }, /no line "D9".*gpioinfo/],
  ])('%s is an error that says what there is', (_, config, message) => {
    const calls = new FakeGpio(CHIPS);
    expect(() => lineOf(calls, config)).toThrow(expect.objectContaining({ code: 'OUTPUT_FAILED' }));
    expect(() => lineOf(calls, config)).toThrow(message);
    expect(calls.held).toBe(0);
  });

  it('that something else holds is an error that says so', () => {
    const calls = new FakeGpio(CHIPS);
    lineOf(calls, { chip: 'ftdi', line: 3 });
    expect(() => lineOf(calls, { chip: 'ftdi', line: 'D3' })).toThrow(/EBUSY.*something else uses the line/);
    expect(calls.held).toBe(1);
  });

  it.each([
    ['open', 'EACCES', /rights/],
    ['GPIO_GET_CHIPINFO_IOCTL', 'ENOTTY', /older than 5\.10/],
    ['GPIO_V2_GET_LINEINFO_IOCTL', 'EINVAL', /looked up/],
    ['GPIO_V2_GET_LINE_IOCTL', 'EINVAL', /cannot be taken as an output/],
  ] as const)('leaves nothing open when %s fails', (call, errno, message) => {
    const calls = new FakeGpio(CHIPS);
    calls.fail(call, errno);
    expect(() => lineOf(calls, { chip: 'gpiochip0', line: 'EJECT' })).toThrow(message);
    expect(calls.held).toBe(0);
  });

  it('is taken anew after it failed, and not after it was closed', () => {
    const calls = new FakeGpio(CHIPS);
    const output = lineOf(calls, { chip: 'gpiochip0', line: 1 });
    calls.fail('GPIO_V2_LINE_SET_VALUES_IOCTL', 'ENODEV');
    expect(() => output.set(true)).toThrow(/the chip is gone/);
    expect(calls.held).toBe(0);
    calls.mend();
    output.set(true);
    expect(calls.level('gpiochip0:1')).toBe(true);
    output.close();
    output.set(true);
    expect(calls.level('gpiochip0:1')).toBe(false);
    expect(calls.held).toBe(0);
  });
});

describe('GpioLines', () => {
  const eject = gpioLineSchema.parse({ chip: 'ftdi', line: 3 });
  const beat = gpioLineSchema.parse({ chip: 'ftdi', line: 0 });

  it('shares the line of cameras that share an ejector, and its pulse', () => {
    const calls = new FakeGpio(CHIPS);
    const lines = GpioLines.open([eject, beat, { ...eject }], vi.fn(), calls);
    expect(calls.held).toBe(2);
    expect(lines.pulse(eject)).toBe(lines.pulse({ ...eject }));
    lines.close();
    expect(calls.held).toBe(0);
  });

  it('takes all lines or none', () => {
    const calls = new FakeGpio(CHIPS);
    expect(() => GpioLines.open([eject, { ...beat, line: 77 }], vi.fn(), calls)).toThrow(/not 77/);
    expect(calls.held).toBe(0);
  });

  it('ends a pulse under way, and does not wake up again', async () => {
    const calls = new FakeGpio(CHIPS);
    const lines = GpioLines.open([eject], vi.fn(), calls);
    lines.pulse(eject)?.trigger(30);
    expect(calls.level('gpiochip1:3')).toBe(true);
    lines.close();
    expect(calls.level('gpiochip1:3')).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(calls.held).toBe(0);
  });

  it('are at rest when the process ends by itself', () => {
    const calls = new FakeGpio(CHIPS);
    const before = process.listenerCount('exit');
    const lines = GpioLines.open([eject], vi.fn(), calls);
    lines.pulse(eject)?.trigger(10_000);
    expect(process.listenerCount('exit')).toBe(before + 1);
    process.listeners('exit').at(-1)?.call(process, 0);
    expect(calls.level('gpiochip1:3')).toBe(false);
    expect(calls.held).toBe(0);
    expect(process.listenerCount('exit')).toBe(before);
  });
});
