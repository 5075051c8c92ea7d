/**
 * npm run bench -- reject [--json FILE] [--signals 1000]
 *
 * How exactly reject signals come: from when they are due to the change of a GPIO line (of a fake chip: what the process does, without
 * the chip's own microseconds), and to the arrival of the message through mosquitto. Once on the machine as it is, once with one process
 * for each core that keeps it busy, and once more with a higher priority. Signals are due 100 ms after a capture, one every 20 ms on average.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connectMqtt, rejectSchema } from '@beltsight/sdk';
import { pino } from 'pino';
import { deviceConfigSchema } from '../../device/src/config/schema.js';
import { GPIO_IOCTLS } from '../../device/src/output/gpio/abi.js';
import { Outputs } from '../../device/src/output/outputs.js';
import { connectionOf } from '../../device/src/publish/connection.js';
import { Outbox } from '../../device/src/publish/outbox.js';
import { Publisher } from '../../device/src/publish/publisher.js';
import { FakeGpio } from '../support/fake-gpio.js';
import { modelInUse } from '../support/model-in-use.js';
import { startMosquitto } from '../support/mosquitto.js';
import { resultOf } from '../support/result-message.js';

const { values } = parseArgs({ options: { json: { type: 'string' }, signals: { type: 'string', default: '1000' } } });
const signals = Number(values.signals);
const [DELAY_MS, EVERY_MS] = [100, 20];

/** Notes when the line is asked to be high, also while it is. */
class Recorder extends FakeGpio {
  readonly raised: number[] = [];

  override ioctl(fd: number, request: number, argument: Uint8Array): number {
    if (request === GPIO_IOCTLS.GPIO_V2_LINE_SET_VALUES_IOCTL && argument[0] === 1) this.raised.push(performance.now());
    return super.ioctl(fd, request, argument);
  }
}

interface Lateness {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const figures = {
  'as it is': await measure(0),
  busy: await measure(availableParallelism()),
  'busy, nice -10': await measure(availableParallelism(), -10),
};
for (const [load, { line, message, lost }] of Object.entries(figures)) {
  console.log(`${load.padEnd(14)} line ${text(line)}; message ${text(message)}; ${lost} of ${signals} lost`);
}
if (values.json) writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`);

async function measure(burners: number, nice = 0): Promise<{ line: Lateness; message: Lateness; lost: number }> {
  const broker = await startMosquitto();
  const folder = mkdtempSync(join(tmpdir(), 'beltsight-bench-'));
  const config = deviceConfigSchema.parse({
    site: 's',
    line: 'l',
    device: 'd',
    bundle: 'none',
    state: folder,
    broker: { url: broker.url },
    cameras: [
      {
        name: 'belt',
        source: { type: 'test' },
        outputs: { signal: { delayMs: DELAY_MS, maxLateMs: 10_000, gpio: { chip: 'ftdi', line: 0, pulseMs: 2 } } },
      },
    ],
  });
  const gpio = new Recorder({ gpiochip0: { label: 'ftdi', lines: [''] } });
  const logger = pino({ level: 'warn' });
  const outputs = await Outputs.open(config, logger, gpio);
  const outbox = await Outbox.open({ ...config.spool, folder: join(folder, 'spool'), logger });
  const publisher = new Publisher({ connect: connectionOf(config, undefined), outbox, logger });
  await publisher.start();
  const classes = [{ name: 'cap', falseRejectRate: { wanted: 0.05 } }];
  outputs.start({ publisher, model: modelInUse({ classes }), busyMs: () => 0 });
  const arrivals = new Map<string, number>();
  const subscriber = await connectMqtt(broker.url);
  subscriber.on('message', (_, payload) => {
    for (const id of rejectSchema.parse(JSON.parse(payload.toString())).results) arrivals.set(id, performance.now());
  });
  await subscriber.subscribeAsync('beltsight/#', { qos: 1 });
  const busy = Array.from({ length: burners }, () => spawn(process.execPath, ['-e', 'while (true);']));
  // Needs root. Of this thread, which gives the signals; those of the broker and the burners stay as they are.
  setPriority(nice);
  for (const { pid } of busy) if (pid !== undefined) setPriority(pid, 0);
  await sleep(1000);
  const due: { id: string; ms: number }[] = [];
  for (let i = 0; i < signals; i++) {
    // Apart by more than a pulse, and never in step with the timers.
    await sleep(EVERY_MS / 2 + ((i * 7919) % EVERY_MS));
    const latencyMs = 40 + ((i * 104_729) % 100) / 100;
    const result = resultOf({ verdict: 'reject', sequence: i, latencyMs });
    due.push({ id: result.id, ms: performance.now() - latencyMs + DELAY_MS });
    outputs.result(result);
  }
  await sleep(2000);
  await stop(busy);
  setPriority(0);
  const lost = outputs.withSignals({ name: 'belt', state: 'running', frames: 0, dropped: 0, inspected: 0, rateHz: 0 })
    .signals?.lost as number;
  await outputs.close();
  await publisher.close(undefined, 1000);
  await subscriber.endAsync();
  await broker.stop();
  rmSync(folder, { recursive: true });
  if (gpio.raised.length !== due.length) throw new Error(`${gpio.raised.length} of ${due.length} signals were given.`);
  return {
    line: lateness(gpio.raised.map((ms, i) => ms - (due[i]?.ms as number))),
    message: lateness(due.map(({ id, ms }) => (arrivals.get(id) as number) - ms)),
    lost,
  };
}

async function stop(processes: readonly ChildProcess[]): Promise<void> {
  await Promise.all(
    processes.map(async (child) => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }),
  );
}

function lateness(ms: number[]): Lateness {
  const sorted = ms.sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

function text({ p50, p99, max }: Lateness): string {
  return `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, max ${max.toFixed(2)} ms`;
}
