import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { terminalReporter } from './progress.js';

describe('progress on a terminal', () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

  it('leaves the terminal as it was, and nothing that keeps the process alive, wherever an epoch is cut off', () => {
    const stream = new PassThrough();
    const methods = { isTTY: true, cursorTo: () => true, clearLine: () => true, columns: 120 };
    const terminal = Object.assign(stream, methods) as unknown as NodeJS.WriteStream;
    const before = timers();
    const reporter = terminalReporter(terminal, 2, 4);
    reporter.epochStarted?.(0, 10, 0);
    reporter.stepDone?.(0, 1, { total: 1, kd: 1, local: 0, global: 0, gradientNorm: 1 }, 5);
    expect(timers()).toBeGreaterThan(before);
    reporter.ended?.();
    expect(timers()).toBe(before);
    const written = String(stream.read());
    expect(written).toContain('epoch 1/2');
    expect(written.lastIndexOf('\u001b[?25h')).toBeGreaterThan(written.lastIndexOf('\u001b[?25l'));
  });
});
