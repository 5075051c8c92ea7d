import { readFileSync } from 'node:fs';
import { InspectionClient, type ResultMessage } from '@beltsight/sdk';
import type { Running } from './processes.js';

export interface FirstResult {
  readonly result: ResultMessage;
  readonly seconds: number;
  /** Most memory that was resident until then. */
  readonly megabytes: number;
}

/** Has a device started and waits for its first result on the broker. The caller ends the process. */
export async function firstResult(url: string, start: () => Running): Promise<FirstResult> {
  const client = await InspectionClient.connect(url);
  try {
    const result = new Promise<ResultMessage>((resolve) => client.on('result', resolve));
    const begin = performance.now();
    const running = start();
    const first = await Promise.race([result, running.ended]);
    if (first === null || typeof first !== 'object') {
      throw new Error(`The device ended (${first}) before its first result: ${running.output()}`);
    }
    const seconds = (performance.now() - begin) / 1000;
    const peak = readFileSync(`/proc/${running.process.pid}/status`, 'utf8').match(/^VmHWM:\s+(\d+) kB/m)?.[1];
    return { result: first, seconds, megabytes: Number(peak) / 1000 };
  } finally {
    await client.close();
  }
}
