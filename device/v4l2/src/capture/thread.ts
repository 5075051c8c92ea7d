/** Entry of the capture thread. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { systemLibc } from '../libc.js';
import { serve } from './serve.js';

serve(parentPort as MessagePort, workerData.options, systemLibc());
