import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AlarmMessage,
  alarmSchema,
  connectMqtt,
  parseTopic,
  type RejectMessage,
  type ResultMessage,
  rejectSchema,
  resultSchema,
  type StatusMessage,
  statusSchema,
} from '@beltsight/sdk';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import header from '../../device/src/output/gpio/header.fixture.json' with { type: 'json' };
import { compileGpioHeader } from '../support/gpio-header.js';
import { startMosquitto } from '../support/mosquitto.js';
import { waitFor } from '../support/patience.js';
import { startDevice } from '../support/processes.js';
import { TINY_SIZE, tinyImage, writeTinyBundle } from '../support/tiny-bundle.js';

let folder: string;
let url: string;
const closers: (() => Promise<unknown>)[] = [];
const brokers: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'beltsight-outputs-'));
  await writeTinyBundle(join(folder, 'bundle'));
  mkdirSync(join(folder, 'images'));
  for (const [name, pixels] of [
    ['bad.png', tinyImage('blue', 255)],
    ['good.png', tinyImage('red')],
  ] as const) {
    const raw = { width: TINY_SIZE, height: TINY_SIZE, channels: 3 } as const;
    await sharp(pixels, { raw }).toFile(join(folder, 'images', name));
  }
  const broker = await startMosquitto();
  brokers.push(() => broker.stop());
  url = broker.url;
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(async () => {
  for (const stop of brokers) await stop();
  rmSync(folder, { recursive: true });
});

/** Everything that devices say, parsed, and what a PLC hears. */
async function listen() {
  const client = await connectMqtt(url);
  closers.push(() => client.endAsync(true));
  const seen = {
    results: [] as ResultMessage[],
    rejects: [] as RejectMessage[],
    alarms: [] as AlarmMessage[],
    statuses: [] as StatusMessage[],
    beats: [] as number[],
    plc: [] as string[],
  };
  client.on('message', (topic, payload) => {
    const text = payload.toString();
    if (topic === 'plc/eject') seen.plc.push(text);
    switch (parseTopic(topic)?.kind) {
      case 'result':
        return void seen.results.push(resultSchema.parse(JSON.parse(text)));
      case 'reject':
        return void seen.rejects.push(rejectSchema.parse(JSON.parse(text)));
      case 'alarm':
        return void seen.alarms.push(alarmSchema.parse(JSON.parse(text)));
      case 'status':
        return void seen.statuses.push(statusSchema.parse(JSON.parse(text)));
      case 'heartbeat':
        return void seen.beats.push(Number(text));
    }
  });
  await client.subscribeAsync(['beltsight/#', 'plc/#'], { qos: 1 });
  return { client, seen };
}

/** A device that sees a bad and a good product in turn. */
function device(name: string, outputs: string, source = 'rateHz: 40, loop: true') {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(
    file,
    `{ site: s, line: l, device: ${name}, bundle: bundle, state: state-${name}, broker: { url: "${url}" }, statusSeconds: 0.5,
       heartbeat: { periodMs: 50 },
       cameras: [{ name: belt, source: { type: folder, path: images, ${source} }, outputs: { ${outputs} } }] }`,
  );
  const running = startDevice('run', '--config', file);
  closers.push(async () => {
    running.process.kill('SIGKILL');
    await running.ended;
  });
  return running;
}

it('has the layouts and numbers that a C compiler makes of linux/gpio.h', () => {
  const { structs, numbers } = header;
  expect(compileGpioHeader(folder)).toEqual({ structs, numbers });
});

describe('the device process with outputs', () => {
  it('tells a PLC of every bad product and no good one, beats while it inspects, and ends in good order', async () => {
    const { seen } = await listen();
    const running = device(
      'plc',
      'signal: { delayMs: 500, maxLateMs: 30000, plc: { topic: plc/eject, payload: "{{id}}" } }',
    );
    await waitFor(() => expect(seen.results.length).toBeGreaterThan(20));
    running.process.kill('SIGTERM');
    expect(await running.ended).toBe(0);
    await waitFor(() => expect(seen.statuses.at(-1)?.state).toBe('offline'));
    const bad = seen.results.filter(({ verdict }) => verdict === 'reject').map(({ id }) => id);
    // Those under way when it was stopped, too: 500 ms at 40 a second.
    expect(seen.rejects.map(({ results }) => results)).toEqual(bad.map((id) => [id]));
    expect(seen.plc).toEqual(seen.rejects.map(({ id }) => id));
    expect(seen.beats.length).toBeGreaterThan(3);
    expect(seen.beats).toEqual(seen.beats.map((_, i) => i + 1));
    const signals = seen.statuses.flatMap(({ cameras }) => cameras?.map((camera) => camera.signals) ?? []);
    expect(signals.at(-1)).toMatchObject({ lost: 0 });
  });

  it('never counts backwards, keeps its totals and its alarm, over kills and a good end', async () => {
    const { seen } = await listen();
    const alarm = 'alarm: { rejects: { chart: ewma, lambda: 0.2, width: 2 } }';
    // What the broker had not acknowledged at a kill comes again from the spool.
    const once = () => [...new Map(seen.results.map((result) => [result.id, result])).values()];
    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL'] as const) {
      const before = once().length;
      const running = device('count', alarm);
      await waitFor(() => expect(once().length).toBeGreaterThan(before + 15));
      running.process.kill(signal);
      await running.ended;
    }
    const counts = once().map(({ count }) => count as number);
    expect(counts.every((count, i) => i === 0 || count > (counts[i - 1] as number))).toBe(true);
    // A block of numbers, at most two, is lost with a kill.
    expect((counts.at(-1) as number) - (counts[0] as number)).toBeLessThan(counts.length + 3 * 512);
    // The good end was the second: what was counted until then is on the disk.
    const totals = seen.statuses.flatMap(({ cameras }) => cameras?.map((camera) => camera.totals) ?? []);
    expect((totals.at(-1)?.pass ?? 0) + (totals.at(-1)?.reject ?? 0)).toBeGreaterThan(15);
    const raised = new Set(seen.alarms.map(({ id }) => id));
    expect(raised.size).toBe(1);
    expect(seen.alarms.length).toBeGreaterThan(1);
    // Retained: who comes later hears it, too.
    const later = await listen();
    await waitFor(() => expect(later.seen.alarms.map(({ id }) => id)).toEqual([...raised]));
  });

  it('names a line that it cannot have, and does not inspect without it', async () => {
    const running = device('line', 'signal: { gpio: { chip: gpiochip99, line: EJECT } }');
    expect(await running.ended).toBe(1);
    expect(running.output()).toMatch(/OUTPUT_FAILED.*no GPIO chip "gpiochip99"; this device has/);
  });
});
