/**
 * The updating half of a device as a process of its own, which inspects without pictures until a release has proved itself, and ends then.
 * It prints a line of JSON when it begins to inspect, and one for each state.
 *
 * updating-device.ts '{"folder":…,"factory":…,"root":…,"url":…,"until":"releases/_/name-1.json"}'
 */
import { z } from 'zod';
import { startDevice } from '../update/device.js';

const text = z.string();
const { until, ...options } = z
  .object({ folder: text, factory: text, root: text, url: text, until: text })
  .parse(JSON.parse(process.argv[2] ?? ''));
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

startDevice(options).then(inspect, (error: NodeJS.ErrnoException) => {
  say({ failure: error.message });
  process.exitCode = 1;
});

function inspect({ host, states, warnings, inspect, close }: Awaited<ReturnType<typeof startDevice>>): void {
  say({ serving: host.modelId, afterMs: performance.now(), warnings });
  let finishing = false;
  const timer = setInterval(() => {
    for (const state of states.splice(0)) {
      say(state);
      if (state.state === 'idle' && state.reason === undefined && state.running.release === until) void finish();
    }
    inspect(25);
  }, 10);
  const finish = async () => {
    if (finishing) return;
    finishing = true;
    clearInterval(timer);
    await close();
    for (const state of states) say(state);
  };
  process.on('SIGTERM', finish);
}
