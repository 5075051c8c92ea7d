import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DesiredMessage, ResultMessage, UpdateState } from '@beltsight/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checked, digested } from '../../device/src/update/store/digested.js';
import { addBundle, promote, revoke } from '../../trainer/src/release/bundles.js';
import { Scene } from '../../trainer/src/release/testing.js';
import { waitFor } from '../support/patience.js';
import { retrained, writeTinyBundle } from '../support/tiny-bundle.js';
import { startDevice } from './device.js';

let scene: Scene;
let url: string;
let factory: string;
let models: string[];
const closers: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  scene = await Scene.open();
  factory = await writeTinyBundle(join(scene.folder, 'factory'), retrained(1));
  models = [];
  url = await scene.serve();
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await scene.close();
});

/** Publishes the next release; its target path. */
async function release(): Promise<string> {
  const bundle = join(scene.folder, `bundle-${models.length}`);
  models.push(await writeTinyBundle(bundle, retrained(models.length + 2)));
  const { workspace } = scene;
  const { path } = await addBundle({ workspace, bundle, name: 'tiny', scope: {}, notes: '', now: new Date() });
  await promote(workspace, {}, 'stable', path, new Date());
  await scene.publish();
  return path;
}

async function start(options: Partial<Parameters<typeof startDevice>[0]> = {}) {
  const device = await startDevice({
    folder: join(scene.folder, 'device'),
    factory: join(scene.folder, 'factory'),
    root: join(scene.workspace.repository.folder, 'metadata/1.root.json'),
    url,
    ...options,
  });
  closers.push(() => device.close());
  const reaches = (state: UpdateState, more: object = {}) =>
    waitFor(() => {
      const last = device.states.at(-1);
      expect(last).toMatchObject({ state, ...more });
      return last;
    });
  return { ...device, reaches };
}

const desired = (change: Partial<DesiredMessage>): DesiredMessage => ({
  schema: 'beltsight.desired/1',
  release: null,
  retry: 0,
  ...change,
});

describe('an update', () => {
  it('is fetched, tested, put in use, and confirmed when it has proved itself', async () => {
    const path = await release();
    const device = await start();
    await device.reaches('probation', { running: { release: path, modelId: models[0] } });
    device.inspect(25);
    await device.reaches('idle', { running: { release: path, modelId: models[0] }, desired: path });
    expect(device.host.used).toEqual([factory, models[0]]);
    const seen = device.states.map(({ state }) => state).filter((state, i, all) => state !== all[i - 1]);
    expect(seen).toEqual(['checking', 'downloading', 'staging', 'testing', 'probation', 'checking', 'idle']);
  });

  it('stays over a restart, and gives way to the next', async () => {
    await release();
    const first = await start();
    await first.reaches('probation');
    first.inspect(25);
    await first.reaches('idle');
    await first.close();
    const second = await release();
    const device = await start();
    expect(device.host.used).toEqual([models[0]]);
    await device.reaches('probation', { running: { release: second, modelId: models[1] } });
    device.inspect(25);
    await device.reaches('idle');
    expect(device.record.record).toMatchObject({ active: 'b', fallback: 'a' });
  });

  it('that is no good here is not put in use, and not tried again until somebody says so', async () => {
    const path = await release();
    const refuse = () => 'golden/000.png scores wrong';
    const device = await start({ refuse });
    await device.reaches('failed', { reason: refuse(), failed: [{ release: path }] });
    expect(device.host.used).toEqual([factory]);
    device.host.refuse = () => undefined;
    device.updater.check();
    await device.reaches('failed');
    device.updater.desire(desired({ retry: 1 }));
    await device.reaches('probation');
  });

  it.each([
    ['rejects more than is usual', { verdict: 'reject' }, /rejected/],
    ['passes what scores unlike the calibration', { pValue: 0.06 }, /p-value/],
    ['takes much longer', { latencyMs: 400 }, /400 ms, where 30 ms/],
  ] as const)('that %s is taken back', async (_, result, reason) => {
    const device = await start();
    device.inspect(50);
    await device.reaches('idle');
    const path = await release();
    device.updater.check();
    await device.reaches('probation');
    device.inspect(40, result);
    await device.reaches('failed', { running: { release: null, modelId: factory }, failed: [{ release: path }] });
    expect(device.states.at(-1)?.reason).toMatch(reason);
    expect(device.host.used).toEqual([factory, models[0], factory]);
  });

  describe('on a line where four of ten products are rejected', () => {
    const usual = (device: Awaited<ReturnType<typeof start>>, result: Partial<ResultMessage> = {}) => {
      for (let i = 0; i < 5; i++) {
        device.inspect(6, result);
        device.inspect(4, { ...result, verdict: 'reject' });
      }
    };

    /** A device on probation that was begun anew: amid the probation, or before an update that came at once. */
    const begun = async (when: 'amid' | 'before') => {
      await release();
      const device = await start();
      usual(device);
      await device.reaches('probation');
      usual(device);
      await device.reaches('idle');
      await release();
      if (when === 'amid') {
        device.updater.check();
        await device.reaches('probation');
      }
      await device.close();
      const again = await start();
      await again.reaches('probation', { running: { modelId: models[1] } });
      return again;
    };

    it.each(['amid', 'before'] as const)(
      'stays if it rejects as many, also over a restart %s its probation',
      async (when) => {
        const device = await begun(when);
        usual(device);
        await device.reaches('idle', { running: { modelId: models[1] }, failed: [] });
      },
    );

    it.each(['amid', 'before'] as const)(
      'is taken back if it is slower, also over a restart %s its probation',
      async (when) => {
        const device = await begun(when);
        usual(device, { latencyMs: 400 });
        await device.reaches('failed', { reason: 'a result takes 400 ms, where 30 ms were usual' });
        expect(device.host.modelId).toBe(models[0]);
      },
    );
  });

  it('that cannot inspect frames is taken back', async () => {
    await release();
    const device = await start();
    await device.reaches('probation');
    for (let i = 0; i < 3; i++) device.updater.failure();
    await device.reaches('failed', { reason: '3 frames could not be inspected' });
  });

  it('waits for its time of day', async () => {
    await release();
    let now = new Date('2026-06-01T12:00:00').getTime();
    const device = await start({ parts: { now: () => now } });
    device.updater.desire(desired({ window: { from: '22:00', to: '05:00' }, rollout: { id: 'r1', wave: 2 } }));
    await device.reaches('waiting', { reason: 'It switches from 22:00 on.', rollout: { id: 'r1', wave: 2 } });
    now = new Date('2026-06-02T03:00:00').getTime();
    device.updater.check();
    await device.reaches('probation');
  });

  it('is only fetched until the word to switch comes', async () => {
    const path = await release();
    const device = await start({ desired: desired({ release: path, fetchOnly: true }) });
    await device.reaches('waiting', { reason: 'It is here, and waits for the word to switch.' });
    expect(device.host.used).toEqual([factory]);
    device.updater.desire(desired({ release: path }));
    await device.reaches('probation', { running: { release: path } });
  });

  it('that is no longer wanted while it is fetched or tested is not put in use', async () => {
    const first = await release();
    const device = await start();
    await device.reaches('probation');
    device.inspect(25);
    await device.reaches('idle');
    const second = await release();
    // Refuses nothing, but changes what is wanted while the model is tested.
    const tested: string[] = [];
    device.host.refuse = (modelId) => {
      tested.push(modelId);
      device.updater.desire(desired({ release: first }));
      return undefined;
    };
    device.updater.desire(desired({ release: second }));
    await waitFor(() => expect(tested).toEqual([models[1]]));
    await device.reaches('idle', { desired: first, running: { release: first }, failed: [] });
    expect(device.host.used).toEqual([factory, models[0]]);
  });

  it('may be named, and is refused where nobody has signed it', async () => {
    const first = await release();
    await release();
    const device = await start({ desired: desired({ release: first }) });
    await device.reaches('probation', { running: { modelId: models[0] } });
    device.inspect(25);
    device.updater.desire(desired({ release: 'releases/_/tiny-9.json' }));
    await device.reaches('idle', { reason: expect.stringContaining('nobody has signed') });
    expect(device.host.modelId).toBe(models[0]);
  });

  it('that was revoked is not installed', async () => {
    const path = await release();
    await revoke(scene.workspace, path, new Date());
    await scene.publish();
    const device = await start();
    await device.reaches('idle', { desired: null });
    device.updater.desire(desired({ release: path }));
    await device.reaches('idle', { reason: expect.stringContaining('revoked') });
    expect(device.host.used).toEqual([factory]);
  });
});

describe('a person', () => {
  it('holds updates, over a restart, and lets them go on', async () => {
    await release();
    const device = await start();
    await device.updater.hold(true);
    await device.reaches('held');
    await device.close();
    const again = await start();
    await again.reaches('held');
    await again.updater.hold(false);
    await again.reaches('probation');
  });

  it('goes back to the model before, but not further than there is', async () => {
    const path = await release();
    const device = await start();
    await device.reaches('probation');
    device.inspect(25);
    await device.reaches('idle');
    await device.updater.rollBack('it lights red for no reason');
    await device.reaches('failed', {
      running: { release: null },
      failed: [{ release: path, reason: 'it lights red for no reason' }],
    });
    await expect(device.updater.rollBack('again')).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
  });
});

describe('a device that begins', () => {
  const installed = async () => {
    await release();
    const device = await start();
    await device.reaches('probation');
    return device;
  };

  it('goes back when the service never stays up with a new model', async () => {
    const device = await installed();
    await device.close();
    const restart = async (orderly: boolean) => (await start({ url: 'http://127.0.0.1:1' })).close(orderly);
    // Stopped by a person, it did stay up.
    for (let i = 0; i < 4; i++) await restart(true);
    for (let i = 0; i < 3; i++) await restart(false);
    const last = await start();
    expect(last.host.used).toEqual([factory]);
    await last.reaches('failed', { reason: expect.stringContaining('never stayed up') });
  });

  it('with a damaged model takes the one before, and fetches the damaged one again', async () => {
    const device = await installed();
    device.inspect(25);
    await device.reaches('idle');
    await device.close();
    await appendFile(join(scene.folder, 'device/a/model.onnx'), 'x');
    const again = await start();
    expect(again.host.used).toEqual([factory]);
    expect(again.warnings.join()).toContain('is not used');
    again.updater.check();
    await again.reaches('probation', { failed: [] });
  });

  it.each(['record.0.json', 'record.1.json'])(
    'reads its record from the other copy when %s is damaged',
    async (copy) => {
      const device = await installed();
      device.inspect(25);
      await device.reaches('idle');
      await device.close();
      const path = join(scene.folder, 'device', copy);
      const content = await readFile(path);
      for (const damaged of [
        Buffer.alloc(0),
        content.subarray(0, -5),
        Buffer.from(content.toString().replace('"a"', '"b"')),
      ]) {
        await writeFile(path, damaged);
        const again = await start({ url: 'http://127.0.0.1:1' });
        expect(again.host.used).toEqual([models[0]]);
        await again.close();
      }
    },
  );

  it('reads a record of before there was more in it', async () => {
    const device = await installed();
    await device.close();
    for (const copy of ['record.0.json', 'record.1.json']) {
      const path = join(scene.folder, 'device', copy);
      const { baseline: _, fetched: __, ...older } = JSON.parse(checked(await readFile(path, 'utf8')) ?? '');
      await writeFile(path, digested(JSON.stringify(older)));
    }
    const again = await start({ url: 'http://127.0.0.1:1' });
    expect(again.host.used).toEqual([models[0]]);
    await again.reaches('probation');
  });

  it('without any record uses what it was installed with', async () => {
    const device = await installed();
    await device.close();
    for (const copy of ['record.0.json', 'record.1.json']) await rm(join(scene.folder, 'device', copy));
    expect((await start()).host.used).toEqual([factory]);
  });
});

describe('the disk', () => {
  it('holds no more after many updates than after three', async () => {
    const device = await start();
    const sizes: number[] = [];
    for (let i = 0; i < 8; i++) {
      await release();
      device.updater.check();
      await device.reaches('probation', { running: { modelId: models[i] } });
      device.inspect(25);
      await device.reaches('idle', { running: { modelId: models[i] } });
      sizes.push((await readdir(join(scene.folder, 'device'), { recursive: true })).length);
    }
    expect(Math.max(...sizes.slice(3))).toBeLessThanOrEqual(sizes[2] as number);
  });
});
