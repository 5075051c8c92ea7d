import { afterAll, beforeAll, expect, it } from 'vitest';
import { FaultyDevices } from '../update/faults.js';
import { everyInstant, killed } from '../update/kill.js';
import { UpdatedScene } from '../update/scene.js';

/*
 * An update from one release to the next by a process of its own, which is killed (SIGKILL) at one of its operations on the disk and the
 * network, and begun again: it must serve a model that was proved, and the update must come through. All instants: npm run bench -- update-faults.
 */

/** So many instants, evenly spread, are tried here. */
const INSTANTS = 36;

let scene: UpdatedScene;
let devices: FaultyDevices;
beforeAll(async () => {
  scene = await UpdatedScene.open();
  devices = await FaultyDevices.build(scene.folder);
});
afterAll(() => scene.close());

it('an updater that is killed at any operation serves again, and completes the update', async () => {
  const instants = await everyInstant(scene, devices);
  const step = instants.length / INSTANTS;
  const chosen = Array.from({ length: INSTANTS }, (_, i) => instants[Math.floor(i * step)] as number);
  const outcomes = await killed(scene, devices, chosen);
  expect(outcomes.filter(({ fault }) => fault !== undefined)).toEqual([]);
  expect(outcomes).toHaveLength(INSTANTS);
});
