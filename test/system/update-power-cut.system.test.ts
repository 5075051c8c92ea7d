import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Transport } from '../../device/src/update/source/transport.js';
import { addBundle, promote } from '../../trainer/src/release/bundles.js';
import { Scene } from '../../trainer/src/release/testing.js';
import { waitFor } from '../support/patience.js';
import { writeTinyBundle } from '../support/tiny-bundle.js';
import { startDevice } from '../update/device.js';
import { Power } from '../update/power.js';

/*
 * An update from one release to the next, with the power cut at each of its operations in turn. Afterwards the device must begin with a model
 * that is whole, and the update must come through.
 */

let scene: Scene;
let url: string;
let installed: string;
let wanted: { path: string; modelId: string };
const earlier: string[] = [];

beforeAll(async () => {
  scene = await Scene.open();
  url = await scene.serve();
  const recalibrated =
    (threshold: number): Parameters<typeof writeTinyBundle>[1] =>
    (parts) => ({
      ...parts,
      golden: threshold === 0.3 ? [] : parts.golden,
      classes: parts.classes.map((each) => ({ ...each, threshold })),
    });
  earlier.push(await writeTinyBundle(join(scene.folder, 'factory')));
  const release = async (threshold: number) => {
    const bundle = join(scene.folder, `bundle-${threshold}`);
    const modelId = await writeTinyBundle(bundle, recalibrated(threshold));
    const { path } = await addBundle({
      workspace: scene.workspace,
      bundle,
      name: 'tiny',
      scope: {},
      notes: '',
      now: new Date(),
    });
    await promote(scene.workspace, {}, 'stable', path, new Date());
    await scene.publish();
    return { path, modelId };
  };
  // A device that has been updated before: both slots and all paths are in play.
  installed = join(scene.folder, 'installed');
  for (const threshold of [0.26, 0.27]) {
    await release(threshold);
    const device = await start(installed);
    await updated(device);
    await device.close();
  }
  wanted = await release(0.28);
});
afterAll(() => scene.close());

const start = (folder: string, wrap?: (transport: Transport) => Transport) =>
  startDevice({
    folder,
    factory: join(scene.folder, 'factory'),
    root: join(scene.workspace.repository.folder, 'metadata/1.root.json'),
    url,
    ...(wrap ? { wrap } : {}),
  });

async function updated(device: Awaited<ReturnType<typeof start>>): Promise<void> {
  await waitFor(() => expect(device.states.at(-1)?.state).toBe('probation'));
  device.inspect(25);
  await waitFor(() => expect(device.states.at(-1)?.state).toBe('idle'));
}

/** Updates until it is done or the power is gone. */
async function run(folder: string, power: Power): Promise<boolean> {
  const cable = (transport: Transport): Transport => ({
    name: transport.name,
    close: () => transport.close(),
    async *read(...args) {
      for await (const chunk of transport.read(...args)) {
        power.operation();
        yield chunk;
      }
    },
  });
  let done = false;
  try {
    const device = await start(folder, cable);
    try {
      await waitFor(() => expect(power.off || device.states.at(-1)?.state === 'probation').toBe(true));
      if (!power.off) device.inspect(25);
      await waitFor(() => expect(power.off || device.states.at(-1)?.state === 'idle').toBe(true));
      done = !power.off;
    } finally {
      await device.close();
    }
  } catch (error) {
    if (!power.off) throw error;
  }
  return done;
}

describe('the power', () => {
  it('may be cut at every operation of an update', async () => {
    const folder = join(scene.folder, 'cut');
    let cuts = 0;
    for (let cutAt = 1; ; cutAt++) {
      await rm(folder, { recursive: true, force: true });
      await cp(installed, folder, { recursive: true });
      const power = new Power(folder, cutAt);
      const done = await run(folder, power).finally(() => power.end());
      if (done) break;
      cuts++;
      // What begins now is a model that was proved, and the update comes through.
      const device = await start(folder);
      try {
        expect(device.host.used.at(-1), `after a cut at operation ${cutAt}`).toBeTruthy();
        // A person may be looking, and asking for it again and again.
        const asking = setInterval(() => device.inspect(25), 200);
        await waitFor(() => {
          const arrived = { state: 'idle', running: { release: wanted.path } };
          expect(device.states).toContainEqual(
            expect.objectContaining({ ...arrived, running: expect.objectContaining(arrived.running) }),
          );
        }).finally(() => clearInterval(asking));
        expect(device.states.at(-1)?.failed).toEqual([]);
      } finally {
        await device.close();
      }
      expect(
        (await readdir(folder)).filter((name) => name.endsWith('.part')),
        `after a cut at ${cutAt}`,
      ).toEqual([]);
    }
    console.info(`${cuts} power cuts, ${cuts} survived`);
    expect(cuts).toBeGreaterThan(50);
  });
});
