import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { DEVICE } from './places.js';

/** How the demo's device is named on MQTT. */
export const ADDRESS = { site: 'demo', line: 'line1', device: 'device1' } as const;
const WARN = 40;

export interface DeviceProcess {
  /** Its exit status. */
  readonly ended: Promise<number | null>;
  /** Ends it in good order. */
  stop(): Promise<void>;
}

/** Starts a device whose camera looks at `conveyor`: for ever at `rateHz`, or, without a rate, every product once. */
export async function startDevice(
  config: string,
  {
    bundle,
    broker,
    conveyor,
    rateHz,
  }: { bundle: string; broker: string; conveyor: string; rateHz: number | undefined },
): Promise<DeviceProcess> {
  const live = rateHz !== undefined;
  const source = { type: 'folder', path: conveyor, ...(live ? { rateHz, loop: true, shuffle: true } : {}) };
  const camera = { name: 'belt', source, heatmaps: live ? 'all' : 'none', frames: live };
  // JSON is YAML too.
  await writeFile(
    config,
    JSON.stringify({ ...ADDRESS, bundle, broker: { url: broker }, cameras: [camera], statusSeconds: 1 }, null, 2),
  );
  // Its own process group: a Ctrl-C in the terminal reaches the demo alone, which then stops the device.
  const child = spawn(process.execPath, [DEVICE, 'run', '--config', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const entry = parse(line);
    if (entry && entry.level >= WARN) process.stderr.write(`device: ${entry.msg}\n`);
  });
  const ended = once(child, 'close').then(([status]) => status as number | null);
  return {
    ended,
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** One of the device's log lines. */
function parse(line: string): { level: number; msg: string } | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
