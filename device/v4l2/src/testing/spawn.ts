import { Worker } from 'node:worker_threads';
import type { Spawn } from '../capture/spawn.js';
import type { Scenario } from './scenario.js';

/** Capture threads whose driver is a fake one: give it to `openCamera` as its second argument. */
export function spawnFake(scenario: Scenario): Spawn {
  return (options) => new Worker(new URL('./fake-worker.js', import.meta.url), { workerData: { options, scenario } });
}
