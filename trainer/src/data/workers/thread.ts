/** Entry of a thread that prepares images. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { serve } from './serve.js';

serve(parentPort as MessagePort, workerData);
