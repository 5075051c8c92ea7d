/**
 * Runs inside of a guest with vivid as one input for digital video: the whole device, as its command, on that input, with a broker in
 * this process. Prints what it sees; device-cameras.system.test.ts says what that has to be.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Aedes } from 'aedes';
import { listDevices, openDevice } from 'node-v4l2';
import { check } from './report.js';

interface CameraStatus {
  readonly state: string;
  readonly error?: string;
  readonly failures: number;
  readonly inspected: number;
}
interface Status {
  readonly state: string;
  readonly cameras?: readonly CameraStatus[];
}
interface Result {
  readonly id: string;
  readonly latencyMs: number;
}

const INPUT = 'platform:vivid-000-video-index0';
const DRIVER = '/sys/bus/platform/drivers/vivid';
const [results, statuses]: [Result[], Status[]] = [[], []];

const broker = await Aedes.createBroker();
broker.on('publish', ({ topic, payload }, client) => {
  if (!client) return;
  const bytes = Buffer.from(payload);
  if (topic.endsWith('/result')) results.push(JSON.parse(bytes.toString()));
  else if (topic.endsWith('/status')) statuses.push(JSON.parse(bytes.toString()));
});
const server = createServer(broker.handle).listen(0, '127.0.0.1');
await once(server, 'listening');

const camera = () => statuses.at(-1)?.cameras?.[0];
/** Sizes of the driver's buffers that the device has mapped: the format that it captures in, whatever it says. */
const buffers = () => {
  const maps = readFileSync(`/proc/${device.pid}/maps`, 'utf8').split('\n');
  const sizes = maps
    .filter((line) => line.includes('/dev/video'))
    .map((line) => {
      const [from = '', to = ''] = (line.split(' ')[0] as string).split('-');
      return Number.parseInt(to, 16) - Number.parseInt(from, 16);
    });
  return [...new Set(sizes)];
};
const now = () => ({ state: statuses.at(-1)?.state, camera: camera(), results: results.length, buffers: buffers() });

/** Waits for something that the device does. The machine is emulated, and slow. */
async function until(what: string, happened: () => boolean): Promise<void> {
  for (let waited = 0; !happened(); waited += 20) {
    if (device.exitCode !== null || waited > 120_000) {
      throw new Error(`Waited for: ${what}. ${JSON.stringify(now())} ${log.slice(-2000)}`);
    }
    await sleep(20);
  }
}

const more = (count: number) => {
  const wanted = results.length + count;
  return until(`${count} results more`, () => results.length >= wanted);
};
/** Results of frames taken from now on, with the camera as the status shows it. */
async function running(): Promise<ReturnType<typeof now>> {
  await until('the camera runs', () => camera()?.state === 'running');
  await more(3);
  return now();
}
/** What the status says once the camera has failed, with an error of these words. */
async function failed(words: RegExp): Promise<ReturnType<typeof now>> {
  await until(`failed with ${words}`, () => camera()?.state === 'failed' && words.test(camera()?.error ?? ''));
  return now();
}

/** Sets the input as another program does. */
function control(values: Readonly<Record<string, number | string | boolean>>): void {
  const input = openDevice(INPUT);
  try {
    for (const [name, value] of Object.entries(values)) input.setControl(name, value);
  } finally {
    input.close();
  }
}

/** Sets the size that the driver scales to, as another program does. */
function scaleTo(width: number, height: number): void {
  const input = openDevice(INPUT);
  try {
    input.setFormat({ fourcc: input.format().fourcc, width, height });
  } finally {
    input.close();
  }
}
/** Few frames a second, and small ones: 60 of them would take all of an emulated processor. */
function easeUp(): void {
  control({ dv_timings: '640x480p59', percentage_of_dropped_buffers: 90 });
}
easeUp();
scaleTo(320, 240);

const config = '/run/device.json';
writeFileSync(
  config,
  JSON.stringify({
    site: 's',
    line: 'l',
    device: 'd',
    bundle: '/run/app/bundle',
    // Threads that wait for work are no use on two processors.
    runtime: { threads: 1, providers: ['cpu'] },
    state: '/run/state',
    broker: { url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}` },
    cameras: [
      { name: 'belt', class: 'red', source: { type: 'v4l2', device: INPUT, stallSeconds: 120 }, heatmaps: 'none' },
    ],
    statusSeconds: 1,
  }),
);
let log = '';
const begin = performance.now();
const device = spawn(process.execPath, [process.env.DEVICE as string, 'run', '--config', config]);
for (const stream of [device.stdout, device.stderr]) stream.on('data', (chunk) => (log += chunk));
const ended = once(device, 'close');

await check('start', async () => {
  await until('the first result', () => results.length > 0);
  const firstResultMs = Math.round(performance.now() - begin);
  return { firstResultMs, ...(await running()) };
});

await check('latency', async () => {
  const from = results.length;
  await more(Number(process.env.RESULTS ?? 20));
  const values = results.slice(from).map(({ latencyMs }) => latencyMs);
  const sorted = values.sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { count: values.length, p50: at(0.5), p99: at(0.99), ...now() };
});

await check('signal lost', async () => {
  control({ dv_timings_signal_mode: 'No Signal' });
  const changed = await failed(/another picture size/);
  const lost = await failed(/no signal/);
  return { changed, lost };
});

await check('other signal', async () => {
  control({ dv_timings: '720x480p59', dv_timings_signal_mode: 'Selected DV Timings' });
  return running();
});

await check('unplugged and replugged', async () => {
  const before = now();
  const path = listDevices().find(({ id }) => id === INPUT)?.path as string;
  // The name stays taken: the device comes back under another.
  const held = openSync(path, 'r');
  writeFileSync(`${DRIVER}/unbind`, 'vivid.0');
  const gone = await failed(/is gone/);
  const missing = await failed(/No camera has the id/);
  writeFileSync(`${DRIVER}/bind`, 'vivid.0');
  // Another program sets the size while the device is closed; where that was quicker, its stream is broken off.
  easeUp();
  for (let set = false; !set; await sleep(20)) {
    try {
      scaleTo(320, 240);
      set = true;
    } catch {
      control({ inject_fatal_streaming_error: true });
    }
  }
  const after = await running();
  closeSync(held);
  return { before, gone, missing, path, newPath: listDevices().find(({ id }) => id === INPUT)?.path, after };
});

await check('stopped', async () => {
  const { pid } = device;
  device.kill('SIGTERM');
  const [code] = await ended;
  const last = statuses.filter(({ cameras }) => cameras).at(-1)?.cameras?.[0];
  return {
    pid,
    code,
    state: statuses.at(-1)?.state,
    inspected: last?.inspected,
    results: results.length,
    ids: new Set(results.map(({ id }) => id)).size,
  };
});

device.kill('SIGKILL');
broker.close();
server.close();
