import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FaultyDevices } from './faults.js';
import type { UpdatedScene } from './scene.js';

/** What became of one killed process. */
export interface Outcome {
  /** Number of the operation at which it was killed. */
  readonly at: number;
  /** From the start of the next process until it inspected, in milliseconds. */
  readonly servingAfterMs: number;
  /** Why it is no survivor. */
  readonly fault: string | undefined;
}

/** So many are killed at once. */
const ABREAST = 2;

/** Numbers of all operations of an update that nothing disturbs. */
export async function everyInstant(scene: UpdatedScene, devices: FaultyDevices): Promise<number[]> {
  const folder = await copied(scene, 'counted');
  const device = devices.start(scene.settings(folder), { kind: 'kill', at: 0 });
  const status = await device.ended;
  if (status !== 0) throw new Error(`The update does not even come through undisturbed: ${device.failure}`);
  return Array.from({ length: device.operations }, (_, i) => i + 1);
}

/** Kills a process at each of the instants, begins it again, and says what came of it. */
export async function killed(
  scene: UpdatedScene,
  devices: FaultyDevices,
  instants: readonly number[],
): Promise<Outcome[]> {
  const usual = await filesOf(join(scene.folder, 'counted'));
  const outcomes: Outcome[] = [];
  const left = [...instants];
  const worker = async () => {
    for (let at = left.shift(); at !== undefined; at = left.shift()) outcomes.push(await killedAt(at));
  };
  const killedAt = async (at: number): Promise<Outcome> => {
    const folder = await copied(scene, `killed-${at}`);
    const settings = scene.settings(folder);
    const status = await devices.start(settings, { kind: 'kill', at }).ended;
    const next = devices.start(settings);
    const ended = await Promise.race([next.ended, timeout()]);
    next.stop('SIGKILL');
    const files = await filesOf(folder);
    await rm(folder, { recursive: true });
    const more = files.filter((file) => !usual.includes(file));
    let fault: string | undefined;
    // Where network packets are cut differently, the last instants of one run are not reached in another.
    if (status !== 'SIGKILL' && status !== 0) fault = `it ended with ${status} instead of being killed`;
    else if (!next.serving) fault = `it does not begin again: ${next.failure}`;
    else if (!scene.models.has(next.serving.modelId)) fault = `it serves model ${next.serving.modelId}`;
    else if (ended !== 0) fault = `the update does not complete: ${JSON.stringify(next.states.at(-1))}`;
    else if (next.states.some(({ failed }) => failed.length > 0)) fault = 'the release is held to be bad';
    else if (more.length > 0) fault = `it leaves ${more.join(', ')}`;
    return { at, servingAfterMs: next.serving?.afterMs ?? Number.NaN, fault };
  };
  await Promise.all(Array.from({ length: ABREAST }, worker));
  return outcomes;
}

async function copied(scene: UpdatedScene, name: string): Promise<string> {
  const folder = join(scene.folder, name);
  await cp(scene.installed, folder, { recursive: true });
  return folder;
}

async function filesOf(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).sort();
}

function timeout(): Promise<'late'> {
  return new Promise((resolve) => setTimeout(resolve, 30_000, 'late').unref());
}
