/** Entry of a capture thread with a fake driver. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { serve } from '../capture/serve.js';
import { FakeDriver } from './fake-driver.js';

serve(parentPort as MessagePort, workerData.options, new FakeDriver(workerData.scenario));
