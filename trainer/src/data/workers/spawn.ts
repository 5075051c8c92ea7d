import { Worker } from 'node:worker_threads';
import type { ThreadSetup } from './protocol.js';

/** Starts a thread that prepares images. An entry of the build, so that the thread's file lies beside it there as well. */
export const spawn = (setup: ThreadSetup): Worker =>
  new Worker(new URL('./worker.js', import.meta.url), { name: 'beltsight-images', workerData: setup });
