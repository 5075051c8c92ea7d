import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BeltsightError } from '@beltsight/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { waitFor } from '../../../test/support/patience.js';
import { startDevice } from '../../../test/update/device.js';
import { ReleaseScene } from '../../../test/update/releases.js';
import { RecordFile } from './store/record.js';

let scene: ReleaseScene;
/** Milliseconds of the clock that nobody sets. */
let elapsedMs: number;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  scene = await ReleaseScene.open();
  elapsedMs = 0;
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await scene.close();
});

const folder = () => join(scene.folder, 'device');

async function start() {
  const { factory, root, url } = scene;
  // More products than the line sees before its main switch is turned off.
  const probation = { frames: 1000, minutes: 0, latencyFactor: 3, excessRejects: 0.05, failures: 3 };
  const parts = { elapsed: () => elapsedMs, probation };
  const device = await startDevice({ folder: folder(), factory, root, url, parts });
  closers.push(() => device.close(false));
  const reaches = (state: string) => waitFor(() => expect(device.states.at(-1)?.state).toBe(state));
  return { ...device, reaches };
}

/** How often the service began with a model on probation, as a process that was killed leaves it. */
async function startsCounted(): Promise<number | undefined> {
  const record = await RecordFile.open(folder(), () => undefined);
  await record.close();
  return record.record.probation?.starts;
}

describe('a model on probation', () => {
  it('is not taken back for a main switch that is turned off every evening', async () => {
    const { modelId } = await scene.release();
    const first = await start();
    await first.reaches('probation');
    await first.close(false);
    for (let day = 0; day < 5; day++) {
      const device = await start();
      await device.reaches('probation');
      expect(device.host.modelId).toBe(modelId);
      device.inspect(25);
      elapsedMs += 601_000;
      device.updater.check();
      await waitFor(() => expect(device.record.record.probation).toMatchObject({ starts: 0 }));
      await device.close(false);
    }
  });

  it.each([
    ['too short', 599_000, 25, 0],
    ['too few products', 601_000, 19, 0],
    ['a fault', 601_000, 25, 1],
  ])('that was inspected with for %s has not stayed up', async (_, ms, products, faults) => {
    await scene.release();
    const first = await start();
    await first.reaches('probation');
    await first.close(false);
    const device = await start();
    await device.reaches('probation');
    for (let i = 0; i < faults; i++) device.updater.failure();
    elapsedMs += ms;
    device.inspect(products);
    // It is judged at once.
    await sleep(100);
    await device.close(false);
    expect(await startsCounted()).toBe(1);
  });
});

describe('a release that cannot be tested', () => {
  it('through no fault of its own is tried again, and put in use when that has passed', async () => {
    await scene.release();
    const device = await start();
    await device.reaches('probation');
    await device.updater.rollBack('it shall be tried again');
    const { path } = await scene.release();
    const machine = new BeltsightError(
      'RUNTIME_UNAVAILABLE',
      'libonnxruntime.so cannot be opened: too many open files',
    );
    let tries = 0;
    device.host.refuse = () => {
      if (tries++ < 3) throw machine;
      return undefined;
    };
    for (let i = 1; i <= 3; i++) {
      device.updater.check();
      await waitFor(() => expect(tries).toBe(i));
      await device.reaches('idle');
      expect(device.states.at(-1)).toMatchObject({ reason: machine.message, failed: [{}] });
    }
    device.updater.check();
    await device.reaches('probation');
    expect(device.states.at(-1)).toMatchObject({ running: { release: path } });
  });
});
