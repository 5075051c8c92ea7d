import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMosquitto } from '../support/mosquitto.js';
import { waitFor } from '../support/patience.js';
import { type Running, startDevice } from '../support/processes.js';
import { CHECKS } from '../support/sparkplug/checks/all.js';
import { judge } from '../support/sparkplug/checks/check.js';
import { gather } from '../support/sparkplug/evidence.js';
import { TestHost } from '../support/sparkplug/host.js';
import { openTap } from '../support/sparkplug/tap.js';
import { TINY_SIZE, tinyImage, writeTinyBundle } from '../support/tiny-bundle.js';

let folder: string;
const closers: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-sparkplug-'));
  await writeTinyBundle(join(folder, 'bundle'));
  await mkdir(join(folder, 'images'));
  for (const [name, pixels] of [
    ['bad.png', tinyImage('blue', 255)],
    ['good.png', tinyImage('red')],
  ] as const)
    await sharp(pixels, { raw: { width: TINY_SIZE, height: TINY_SIZE, channels: 3 } }).toFile(
      join(folder, 'images', name),
    );
});
afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(folder, { recursive: true });
});

function device(): Running {
  const running = startDevice('run', '--config', join(folder, 'device.yaml'));
  closers.push(async () => {
    running.process.kill('SIGKILL');
    await running.ended;
  });
  return running;
}

async function stopped(running: Running): Promise<void> {
  running.process.kill('SIGTERM');
  expect(await running.ended, running.output()).toBe(0);
}

describe('the device process as a Sparkplug edge node, over MQTT 5 on mosquitto', () => {
  it('keeps to the specification from start to end', async () => {
    const broker = await startMosquitto();
    closers.push(() => broker.stop());
    const tap = await openTap(broker.port);
    closers.push(() => tap.close());
    const host = await TestHost.connect(broker.url, { id: 'scada', group: 'plant', node: 'cell', online: false });
    closers.push(() => host.close());
    await writeFile(
      join(folder, 'device.yaml'),
      `{ site: s, line: l, device: d, bundle: bundle, state: state, statusSeconds: 0.5,
         broker: { url: "mqtt://127.0.0.1:${tap.port}" },
         sparkplug: { groupId: plant, edgeNodeId: cell, primaryHost: scada, heatmaps: true, rebirthSeconds: 0.1 },
         cameras: [{ name: belt, source: { type: folder, path: images, rateHz: 17, loop: true } },
                   { name: chute, source: { type: folder, path: later, rateHz: 5, loop: true } }] }`,
    );
    const result = (name: string) => host.believed('belt').values.get(`Result/${name}`);
    const stored = () =>
      new Set(host.historical.filter(({ name }) => name === 'Result/ID').map(({ value }) => value)).size;

    // It inspects before the host is there; what it found comes as history.
    const first = device();
    await waitFor(() =>
      expect(
        tap.log.some(({ packet }) => packet.cmd === 'suback'),
        first.output(),
      ).toBe(true),
    );
    expect(host.count('NBIRTH')).toBe(0);
    await host.state(true, 1000);
    await waitFor(() => expect(host.believed('belt').online).toBe(true));
    await waitFor(() => expect(result('Verdict')).toBe('reject'));
    await waitFor(() => expect([...(result('Heatmap') as Uint8Array).subarray(1, 4)]).toEqual([0x50, 0x4e, 0x47]));
    await waitFor(() => expect(result('Verdict')).toBe('pass'));
    expect(stored()).toBeGreaterThan(0);

    // The second camera is not there, and then it is.
    await waitFor(() => expect(host.believed().values.get('Cameras/chute/Error')).toMatch(/later/));
    expect(host.believed('chute').online).toBe(false);
    await mkdir(join(folder, 'later'));
    await sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } }).toFile(
      join(folder, 'later', 'x.png'),
    );
    await waitFor(() => expect(host.believed('chute').online).toBe(true));

    await host.rebirth();
    await waitFor(() => expect(host.count('NBIRTH')).toBe(2));

    // Older than the STATE before, as a will that comes late; a live host answers it by its STATE.
    await host.state(false, 500);
    const before = host.count('DDATA');
    await waitFor(() => expect(host.count('DDATA')).toBeGreaterThan(before + 10));
    await host.state(true, 1000);

    // Broker lost: the will comes, and nothing that was inspected meanwhile is lost.
    const known = stored();
    tap.cut();
    await waitFor(() => expect(host.believed().online).toBe(false));
    tap.mend();
    await waitFor(() => expect(host.believed('belt').online).toBe(true));
    await waitFor(() => expect(stored()).toBeGreaterThan(known));

    // Host lost.
    await host.state(false, 2000);
    await waitFor(() => expect(host.believed().online).toBe(false));
    await host.state(true, 3000);
    await waitFor(() => expect(host.believed('belt').online).toBe(true));

    // The end; then a life that ends by force, and a third: bdSeq goes on.
    await stopped(first);
    await waitFor(() => expect(host.believed().online).toBe(false));
    const second = device();
    await waitFor(() => expect(host.believed('belt').online, second.output()).toBe(true));
    second.process.kill('SIGKILL');
    await waitFor(() => expect(host.believed().online).toBe(false));
    const third = device();
    await waitFor(() => expect(host.believed('belt').online, third.output()).toBe(true));
    await stopped(third);
    await waitFor(() => expect(host.believed().online).toBe(false));

    const about = { group: 'plant', node: 'cell', devices: ['belt', 'chute'], primaryHost: 'scada' };
    const log = tap.log.filter(({ connection }) => isSparkplug(connection));
    const judgements = CHECKS.map((check) => judge(check, gather(about, log, host.received)));
    expect(judgements.filter(({ faults }) => faults.length > 0)).toEqual([]);
    // Of MQTT 3.1.1 the unit test asks, on a broker that speaks nothing else.
    expect(judgements.filter(({ asked }) => asked === 0).map(({ title }) => title)).toEqual([
      'MQTT 3.1.1 sessions are clean',
      'with MQTT 3.1.1, NDEATH comes before DISCONNECT',
    ]);

    /** The connection of the JSON topics goes through the tap too. */
    function isSparkplug(connection: number): boolean {
      return tap.log.some(
        ({ connection: of, packet }) =>
          of === connection && packet.cmd === 'connect' && packet.clientId.endsWith('-spb'),
      );
    }
  });
});
