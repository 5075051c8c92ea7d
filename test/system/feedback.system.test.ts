import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InspectionClient, type ResultMessage, type StatusMessage } from '@beltsight/sdk';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startMosquitto } from '../support/mosquitto.js';
import { waitFor } from '../support/patience.js';
import { ROOT, type Running, start } from '../support/processes.js';
import { writeTinyBundle } from '../support/tiny-bundle.js';

const ADDRESS = { site: 's', line: 'l', device: 'd' };
const SIDE = 256;
const SETTINGS = 'perSecond: 100, burst: 100, reserveMegabytes: 0';

let folder: string;
let state: string;
let client: InspectionClient;
let results: ResultMessage[];
let status: StatusMessage | undefined;
const closers: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-feedback-'));
  await writeTinyBundle(join(folder, 'bundle'));
  await mkdir(join(folder, 'images'));
  // Blue with noise, which no PNG makes small, and a spot: rejected.
  const noise = randomBytes(SIDE * SIDE * 3);
  const noisy = noise.map((byte, i) => {
    const [x, y] = [Math.floor(i / 3) % SIDE, Math.floor(i / 3 / SIDE)];
    const spot = Math.hypot(x - SIDE / 2, y - SIDE / 2) < SIDE / 8;
    return spot ? 255 : (i % 3 === 2 ? 190 : 10) + (byte % 23);
  });
  const raw = { width: SIDE, height: SIDE, channels: 3 } as const;
  await sharp(noisy, { raw })
    .png()
    .toFile(join(folder, 'images', 'bad.png'));
});
beforeEach(async () => {
  state = await mkdtemp(join(folder, 'state-'));
  const broker = await startMosquitto();
  closers.push(() => broker.stop());
  await writeFile(
    join(folder, 'device.yaml'),
    `{ ${Object.entries(ADDRESS).map((each) => each.join(': '))}, bundle: bundle, state: ${state}, broker: { url: "${broker.url}" },
       statusSeconds: 0.2, feedback: { keep: 20, ${SETTINGS} },
       cameras: [{ name: belt, source: { type: folder, path: images, rateHz: 20, loop: true } }] }`,
  );
  [results, status] = [[], undefined];
  client = await InspectionClient.connect(broker.url);
  closers.push(() => client.close());
  client.on('result', (result) => results.push(result));
  client.on('status', (message) => (status = message));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(() => rm(folder, { recursive: true }));

const COMMAND = [join(ROOT, 'device/bin/beltsight-device.mjs'), 'run', '--config'];
/** The built device; where `disk` says how large, its state folder is a small disk of its own, and `rejects` in it one that can be made read-only. */
function startDevice(disk?: string): Running {
  const words = [process.execPath, ...COMMAND, join(folder, 'device.yaml')];
  const mount = `mount -t tmpfs -o size=${disk} none "$0" && mkdir "$0/rejects" && mount --bind "$0/rejects" "$0/rejects" && exec "$@"`;
  const mounted = ['--mount', 'sh', '-c', mount, state, ...words];
  const running = disk === undefined ? start(words[0] as string, words.slice(1)) : start('unshare', mounted);
  closers.push(async () => {
    running.process.kill('SIGKILL');
    await running.ended;
  });
  return running;
}

const judge = (result: string) =>
  client.command(ADDRESS, 'feedback', { camera: 'belt', result, judgement: 'false-alarm' });
const names = (path: string) => readdir(path).catch(() => [] as string[]);

describe('false alarms', () => {
  it('are there, whole and once, when the device was killed at any moment', async () => {
    const marked = new Set<string>();
    const torn = new Set<string>();
    for (let life = 0; life < 4; life++) {
      results.splice(0);
      const device = startDevice();
      await waitFor(() => expect(results.length).toBeGreaterThan(10));
      for (const { id } of results.slice(-3)) {
        const reply = await judge(id);
        expect(reply).toMatchObject({ ok: true, value: { class: 'blue', file: `${id}.png`, new: true } });
        marked.add(`${id}.png`);
      }
      // One more is in work when the end comes.
      const last = results.at(-1)?.id as string;
      torn.add(`${last}.png`);
      void judge(last).catch(() => undefined);
      await sleep(Math.random() * 30);
      device.process.kill('SIGKILL');
      await device.ended;
    }
    results.splice(0);
    startDevice();
    await waitFor(() => expect(results.length).toBeGreaterThan(10));
    // What came just before the kill may have been done, be done now, because the broker kept it, or be lost: each alone is in order.
    const good = () => names(join(state, 'feedback', 'blue', 'train', 'good'));
    await waitFor(async () => expect(status?.feedback).toMatchObject({ waiting: (await good()).length }));
    const kept = new Set(await good());
    expect(kept).toEqual(new Set([...marked, ...[...torn].filter((file) => kept.has(file))]));
    const about = await readFile(join(state, 'feedback', 'blue', 'collected.jsonl'), 'utf8');
    const lines = about.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).file).sort()).toEqual([...kept].sort());
    for (const file of kept) {
      const png = await readFile(join(state, 'feedback', 'blue', 'train', 'good', file));
      const record = JSON.parse(await readFile(join(state, 'rejects', file.replace('png', 'json')), 'utf8'));
      expect(createHash('sha256').update(png).digest('hex')).toBe(record.sha256);
    }
  });

  it('cost no inspection on a disk that is full, and on one that cannot be written for a while', async () => {
    const device = startDevice('1m');
    const inside = (...words: string[]) =>
      execFileSync('nsenter', ['-t', `${device.process.pid}`, '-m', ...words], { stdio: 'pipe' });
    const rejects = join(state, 'rejects');
    const more = async () => {
      const before = results.length;
      await waitFor(() => expect(results.length).toBeGreaterThan(before + 20));
    };
    await waitFor(() => expect(results.length).toBeGreaterThan(40));
    // The disk is smaller than what may be kept: the oldest make room.
    await waitFor(() => expect(status?.feedback?.kept).toBeGreaterThan(0));
    expect(status?.feedback?.kept).toBeLessThan(20);
    // Full of something else: what it has itself is room enough.
    const filler = join(state, 'filler');
    inside('sh', '-c', `cat /dev/zero > ${filler} || true`);
    await more();
    expect(status?.feedback?.kept).toBeGreaterThan(0);
    inside('rm', filler);
    // Not while a file is being written.
    await waitFor(() => inside('mount', '-o', 'remount,bind,ro', rejects));
    await waitFor(() => expect(status?.feedback?.fault).toMatch(/rejects: EROFS/));
    await more();
    expect(await judge(results.at(-1)?.id as string)).toMatchObject({ ok: false });
    inside('mount', '-o', 'remount,bind,rw', rejects);
    // The next frame that is written takes the fault away.
    await waitFor(() => expect(status?.feedback?.fault).toBeUndefined());
    const lines = device.output().split('\n');
    expect(lines.filter((line) => /EROFS.*Inspection goes on without keeping frames/.test(line))).toHaveLength(1);
  });
});
