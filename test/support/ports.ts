import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Running } from './processes.js';

/** Waits until somebody listens. */
export async function reachable(port: number, address: string, { output, process }: Running): Promise<void> {
  for (let attempt = 0; attempt < 400 && process.exitCode === null; attempt++) {
    const socket = connect(port, address);
    const there = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (there) return;
    await sleep(25);
  }
  throw new Error(`Nobody listens on port ${port} (status ${process.exitCode}): ${output()}`);
}
