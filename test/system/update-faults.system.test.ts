import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/patience.js';
import { FaultyDevices } from '../update/faults.js';
import { UpdatedScene } from '../update/scene.js';
import { spread, Trials } from '../update/trials.js';

/*
 * An update from one release to the next, by a process of its own in which one operation goes wrong: it is killed (SIGKILL), or the disk refuses
 * from then on. It, or the next one, must serve a model that was proved, and complete the update. Here some instants are tried; all of them:
 * npm run bench -- update-faults.
 */

let scene: UpdatedScene;
let devices: FaultyDevices;
let trials: Trials;
beforeAll(async () => {
  scene = await UpdatedScene.open();
  devices = await FaultyDevices.build(scene.folder);
  trials = new Trials(scene, devices);
});
afterAll(() => scene.close());

describe('an updater', () => {
  it('that is killed at any operation serves again, and completes the update', async () => {
    const outcomes = await trials.kill(spread(await trials.instants('kill'), 24));
    expect(outcomes.filter(({ fault }) => fault !== undefined)).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(20);
  });

  it.each(['ENOSPC', 'EROFS'] as const)(
    'whose disk refuses with %s says so, goes on, and completes the update afterwards',
    async (kind) => {
      const outcomes = await trials.refuse(kind, spread(await trials.instants(kind), 12));
      expect(outcomes.filter(({ fault }) => fault !== undefined)).toEqual([]);
      expect(outcomes.length).toBeGreaterThan(10);
    },
  );

  it('on a disk that is really full does so, too', async () => {
    const folder = join(scene.folder, 'small');
    await mkdir(folder);
    const small =
      'mount -t tmpfs -o size=400k none "$1" && cp -a "$0/." "$1" && cat /dev/zero > "$1/filler" 2> /dev/null; shift; exec "$@"';
    const device = devices.start(scene.settings(folder), undefined, [
      ...['unshare', '--mount', 'sh', '-c', small],
      ...[scene.installed, folder],
    ]);
    try {
      const why = expect.stringMatching(/ENOSPC|free some space/);
      await waitFor(() => expect(device.states).toContainEqual(expect.objectContaining({ reason: why })));
      expect(scene.models).toContain(device.serving?.modelId);
      await rm(`/proc/${device.pid}/root${folder}/filler`);
      expect(await device.ended).toBe(0);
    } finally {
      device.stop('SIGKILL');
    }
  });

  it('does not work on a folder that another one has, says which, and takes it when that one was killed', async () => {
    const folder = join(scene.folder, 'shared');
    await cp(scene.installed, folder, { recursive: true });
    // Nobody publishes there: it goes on looking.
    const settings = { ...scene.settings(folder), url: 'http://127.0.0.1:1' };
    const first = devices.start(settings);
    await waitFor(() => expect(first.serving).toBeDefined());
    const second = devices.start(settings);
    expect(await second.ended).toBe(1);
    expect(second.serving).toBeUndefined();
    expect(second.failure).toMatch(`${folder} is in use by another process (${first.pid})`);
    first.stop('SIGKILL');
    await first.ended;
    const third = devices.start(scene.settings(folder));
    expect(await third.ended).toBe(0);
  });
});
