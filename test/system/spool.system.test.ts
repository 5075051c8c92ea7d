import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectMqtt, InspectionClient, type StatusMessage } from '@beltsight/sdk';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Backlog } from '../../device/src/spool/backlog.js';
import { startMosquitto } from '../support/mosquitto.js';
import { waitFor } from '../support/patience.js';
import { freePort, ROOT, type Running, start, startDevice } from '../support/processes.js';
import { soak } from '../support/soak.js';
import { writeTinyBundle } from '../support/tiny-bundle.js';

let folder: string;
const closers: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-spool-'));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(() => rm(folder, { recursive: true }));

const FROM_SOURCES = ['--conditions=source', '--import', 'tsx'];
const script = (name: string) => join(ROOT, 'test', 'support', name);

function running(started: Running): Running {
  closers.push(async () => {
    started.process.kill('SIGKILL');
    await started.ended;
  });
  return started;
}

const last = (output: string, word: string) => Number(output.match(new RegExp(`.*\\b${word} (\\d+)\n`, 's'))?.[1] ?? 0);

describe('the spool', () => {
  it('holds, in order, everything that it said to have when its process was killed', async () => {
    const spool = join(folder, 'killed');
    let next = 1;
    const stored: [from: number, through: number][] = [];
    for (let life = 0; life < 3; life++) {
      const producer = running(
        start(process.execPath, [...FROM_SOURCES, script('spool-producer.ts'), spool, `${next}`, '1000000', '5']),
      );
      await waitFor(() => expect(last(producer.output(), 'stored')).toBeGreaterThan(next + 100));
      await sleep(Math.random() * 50);
      producer.process.kill('SIGKILL');
      await producer.ended;
      stored.push([next, last(producer.output(), 'stored')]);
      next = last(producer.output(), 'sent') + 1;
    }
    const limits = { maxBytes: 2 ** 30, maxAgeMs: 1e12, memoryBytes: 2 ** 25 };
    const backlog = await Backlog.open({ folder: spool, limits, sync: 1000, logger: pino({ level: 'silent' }) });
    const found: number[] = [];
    for (let key = backlog.next(0); key !== undefined; key = backlog.next(key + 1)) {
      const body = Buffer.from(backlog.read(key)?.body ?? []).toString('latin1');
      found.push(Number(body.match(/}(\d+)\.*$/)?.[1]));
    }
    await backlog.close();
    expect(backlog.figures.dropped).toMatchObject({ result: 0, damaged: 0 });
    expect(found).toEqual([...new Set(found)].sort((a, b) => a - b));
    const there = new Set(found);
    for (const [from, through] of stored) {
      const missing = Array.from({ length: through - from + 1 }, (_, i) => from + i).filter((n) => !there.has(n));
      expect(missing).toEqual([]);
    }
  });

  it('delivers every result, in order, while broker and process are killed', async () => {
    const report = await soak({ results: 20_000, brokerKills: 4, processKills: 2, burst: 16 });
    expect(report).toMatchObject({ lost: 0, outOfOrder: 0, brokerKills: 4, processKills: 2 });
    expect(report.arrived + report.cutOff).toBe(20_000);
    expect(Object.values(report.dropped).reduce((sum, count) => sum + count)).toBe(0);
  });

  it('goes on in memory when the disk is full, and on disk when there is room again', () => {
    const command = `mount -t tmpfs -o size=8m none "$0" && exec "$@"`;
    const words = [process.execPath, ...FROM_SOURCES, script('full-disk.ts'), join(folder, 'small', 'spool')];
    execFileSync('mkdir', [join(folder, 'small')]);
    const output = execFileSync('unshare', ['--mount', 'sh', '-c', command, join(folder, 'small'), ...words], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    const report = JSON.parse(output);
    expect(report).toMatchObject({ fault: expect.stringMatching(/ENOSPC/), faultAfterwards: null, inOrder: true });
    expect(report.dropped).toEqual({ picture: 0, result: 0, expired: 0, damaged: 0 });
    expect(report.readableWhenFull).toBe(report.pushedWhenFull + 100);
    expect(report.left).toBe(report.pushed);
  });
});

describe('a device', () => {
  async function configure(url: string, state: string): Promise<string> {
    await writeTinyBundle(join(folder, 'bundle')).catch(() => undefined);
    const file = join(folder, `${state}.yaml`);
    await writeFile(
      file,
      `{ site: s, line: l, device: d, bundle: bundle, state: ${state}, broker: { url: "${url}" }, statusSeconds: 0.3,
         cameras: [{ name: belt, source: { type: test, width: 32, height: 32, rateHz: 20 }, heatmaps: none }] }`,
    );
    return file;
  }

  it('delivers after a restart what it inspected while there was no broker, and says in its status what waits', async () => {
    const port = await freePort();
    const file = await configure(`mqtt://127.0.0.1:${port}`, 'away');
    const first = running(startDevice('run', '--config', file));
    await waitFor(() => expect(first.output()).toMatch(/cannot be reached/));
    await sleep(1500);
    first.process.kill('SIGKILL');
    await first.ended;
    const broker = await startMosquitto({ port });
    closers.push(() => broker.stop());
    const client = await InspectionClient.connect(broker.url);
    closers.push(() => client.close());
    const sequences: number[] = [];
    const statuses: StatusMessage[] = [];
    client.on('result', ({ frame }) => sequences.push(frame.sequence));
    client.on('status', (status) => statuses.push(status));
    const second = running(startDevice('run', '--config', file));
    await waitFor(() => {
      const restart = sequences.findIndex((sequence, i) => i > 0 && sequence < (sequences[i - 1] as number));
      expect(restart).toBeGreaterThan(10);
    });
    await waitFor(() => expect(statuses.at(-1)?.spool).toMatchObject({ dropped: { result: 0, refused: 0 } }));
    expect(Math.max(...statuses.map(({ spool }) => spool?.messages ?? 0))).toBeGreaterThan(10);
    second.process.kill('SIGTERM');
    expect(await second.ended).toBe(0);
  });

  it('does not share its state folder with another', async () => {
    const file = await configure(`mqtt://127.0.0.1:${await freePort()}`, 'shared');
    const first = running(startDevice('run', '--config', file));
    await waitFor(() => expect(first.output()).toMatch(/cannot be reached/));
    const second = running(startDevice('run', '--config', file));
    expect(await second.ended).toBe(1);
    expect(second.output()).toMatch(/SPOOL_IN_USE.*in use by another process/);
    expect(first.process.exitCode).toBeNull();
  });

  it('drops and reports what the broker refuses, and goes on with the rest', async () => {
    const acl = join(folder, 'acl');
    await mkdir(folder, { recursive: true });
    await writeFile(acl, 'topic readwrite beltsight/1/s/l/d/status\ntopic read #\n');
    const broker = await startMosquitto({ lines: [`acl_file ${acl}`] });
    closers.push(() => broker.stop());
    const client = await connectMqtt(broker.url);
    closers.push(() => client.endAsync(true));
    const statuses: StatusMessage[] = [];
    client.on('message', (_topic, payload) => statuses.push(JSON.parse(payload.toString())));
    await client.subscribeAsync('beltsight/1/s/l/d/status', { qos: 1 });
    const device = running(startDevice('run', '--config', await configure(broker.url, 'refused')));
    await waitFor(() => expect(statuses.at(-1)?.spool?.dropped.refused).toBeGreaterThan(20));
    expect(statuses.at(-1)?.spool?.messages).toBeLessThan(10);
    expect(device.output()).toMatch(/The broker refuses a message on beltsight.*Not authorized/);
  });
});
