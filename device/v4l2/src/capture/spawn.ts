import { Worker } from 'node:worker_threads';
import type { CameraOptions } from './options.js';

/** Starts the thread that captures. A test puts one with another driver in its place. */
export type Spawn = (options: CameraOptions) => Worker;

export const spawnThread: Spawn = (options) =>
  new Worker(new URL('./worker.js', import.meta.url), { name: 'node-v4l2', workerData: { options } });
