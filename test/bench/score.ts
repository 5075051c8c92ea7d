/**
 * npm run bench -- score [--json FILE] [--size 256] [--rounds 5] [--runs 40]
 *
 * The device path (frame in memory -> preprocessing, model, decision, messages handed to the MQTT client) against a bare loop of Run
 * calls on the same session, in turn in the same process; event-loop delay while scoring flat out; and resident memory of the
 * device process over that of a process that holds nothing but the session. Shipped teacher, student with random weights.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { connectMqtt, topicsOf } from '@beltsight/sdk';
import type { BundleManifest } from '@beltsight/sdk/bundle';
import { pino } from 'pino';
import sharp from 'sharp';
import type { Frame } from '../../device/src/camera/frame.js';
import { type CameraConfig, deviceConfigSchema } from '../../device/src/config/schema.js';
import { Outbox } from '../../device/src/publish/outbox.js';
import { Publisher } from '../../device/src/publish/publisher.js';
import { loadRuntime } from '../../device/src/score/ort/library.js';
import { OrtEnvironment, OrtSession } from '../../device/src/score/ort/session.js';
import { Scorer } from '../../device/src/score/scorer.js';
import { Pictures } from '../../device/src/service/pictures.js';
import { resultMessage, resultOf } from '../../device/src/service/publication.js';
import { spoolSchema } from '../../device/src/spool/schema.js';
import { freePort, start } from '../support/processes.js';
import { writeFullBundle } from './support/full-bundle.js';

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    size: { type: 'string', default: '256' },
    rounds: { type: 'string', default: '5' },
    runs: { type: 'string', default: '40' },
    /** For the bench's own child processes. */
    child: { type: 'string' },
    bundle: { type: 'string' },
  },
});
const [size, rounds, runs] = [Number(values.size), Number(values.rounds), Number(values.runs)];

if (values.child === 'broker') await broker();
else await measure();

async function measure(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'beltsight-bench-'));
  const port = await freePort();
  const aedes = child('broker', String(port));
  try {
    const bundle = join(folder, 'bundle');
    await writeFullBundle(bundle, size);
    await once(aedes.stdout, 'data');
    const speed = await compareSpeed(bundle, `mqtt://127.0.0.1:${port}`);
    const memory = await compareMemory(folder, bundle, `mqtt://127.0.0.1:${port}`);
    const result = { size, ...speed, ...memory };
    console.log(`bare Run loop        ${speed.bareHz.toFixed(2)} runs/s`);
    console.log(
      `device path          ${speed.deviceHz.toFixed(2)} frames/s, ${speed.fraction.toFixed(3)} of it; ${speed.fractionWithHeatmaps.toFixed(3)} with a heatmap for every frame (medians of ${rounds} rounds in turn)`,
    );
    console.log(
      `event-loop delay     p50 ${speed.delayP50Ms.toFixed(1)} ms, p99 ${speed.delayP99Ms.toFixed(1)} ms, flat out with heatmaps`,
    );
    console.log(
      `resident memory      bare session ${memory.bareMb.toFixed(0)} MB, device process ${memory.deviceMb.toFixed(0)} MB, ${(memory.deviceMb - memory.bareMb).toFixed(0)} MB more`,
    );
    if (values.json) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
  } finally {
    aedes.kill();
    await rm(folder, { recursive: true });
  }
}

async function compareSpeed(bundle: string, url: string) {
  const scorer = await Scorer.open(bundle);
  const bare = await openBare(bundle);
  const client = await connectMqtt(url);
  const logger = pino({ level: 'silent' });
  const folder = join(dirname(bundle), 'spool');
  const outbox = await Outbox.open({ ...spoolSchema.parse({}), folder, logger });
  const publisher = new Publisher({ connect: async () => client, outbox, logger });
  await publisher.start();
  const [camera] = configOf(bundle, url, bundle).cameras;
  const topics = topicsOf({ site: 's', line: 'l', device: 'd' });
  const frame = randomFrame();
  const inspect = async (heatmaps: 'rejects' | 'all') => {
    // As the device does: messages are made while the next frame is scored.
    let publishing: Promise<void> = Promise.resolve();
    for (let i = 0; i < runs; i++) {
      const inspection = await scorer.score({ ...frame, sequence: i } as Frame);
      await publishing;
      const wanted = { ...camera, heatmaps } as CameraConfig;
      const pictures = new Pictures({ config: wanted, converter: undefined, topics, logger });
      const result = resultOf(frame, inspection, wanted.name);
      publishing = pictures
        .heatmap(result.id, inspection)
        .then((heatmap) => pictures.messages(result.id, undefined, heatmap))
        .then((messages) => publisher.send([...messages, resultMessage(result, wanted, topics)]));
    }
    await publishing;
  };
  const loop = async () => {
    for (let i = 0; i < runs; i++) await bare.session.run();
  };
  const rates = { bare: [] as number[], device: [] as number[], heatmaps: [] as number[] };
  const delay = monitorEventLoopDelay({ resolution: 1 });
  for (let round = -1; round < rounds; round++) {
    const bareHz = await rateOf(loop);
    const deviceHz = await rateOf(() => inspect('rejects'));
    delay.enable();
    const heatmapsHz = await rateOf(() => inspect('all'));
    delay.disable();
    if (round < 0) {
      delay.reset();
      continue;
    }
    rates.bare.push(bareHz);
    rates.device.push(deviceHz);
    rates.heatmaps.push(heatmapsHz);
  }
  await publisher.close(undefined, 1000);
  await scorer.close();
  await bare.close();
  const fraction = (of: readonly number[]) => median(of.map((rate, i) => rate / (rates.bare[i] as number)));
  return {
    bareHz: median(rates.bare),
    deviceHz: median(rates.device),
    fraction: fraction(rates.device),
    fractionWithHeatmaps: fraction(rates.heatmaps),
    delayP50Ms: delay.percentile(50) / 1e6,
    delayP99Ms: delay.percentile(99) / 1e6,
  };
}

/** Resident memory of two processes, each while it scores: the bare session, and the built device command. */
async function compareMemory(folder: string, bundle: string, url: string) {
  const images = join(folder, 'images');
  await mkdir(images);
  const { width, height, data } = randomFrame();
  await sharp(data, { raw: { width, height, channels: 3 } }).toFile(join(images, 'frame.png'));
  const file = join(folder, 'device.yaml');
  await writeFile(file, JSON.stringify(configOf(bundle, url, images)));
  const device = fileURLToPath(new URL('../../device/bin/beltsight-device.mjs', import.meta.url));
  const running = start(process.execPath, [device, 'run', '--config', file]);
  const session = fileURLToPath(new URL('./bare-session.mjs', import.meta.url));
  const bare = spawn(process.execPath, [session, join(bundle, 'model.onnx'), String(size)], { stdio: 'inherit' });
  await sleep(30_000);
  const [bareMb, deviceMb] = [await residentMb(bare.pid as number), await residentMb(running.process.pid as number)];
  bare.kill();
  running.process.kill();
  await running.ended;
  return { bareMb, deviceMb };
}

function configOf(bundle: string, url: string, path: string) {
  return deviceConfigSchema.parse({
    site: 's',
    line: 'l',
    device: 'bench',
    bundle,
    broker: { url },
    cameras: [{ name: 'belt', source: { type: 'folder', path, loop: true }, class: 'thing', heatmaps: 'all' }],
    log: { level: 'silent' },
  });
}

async function openBare(bundle: string) {
  const manifest: BundleManifest = JSON.parse(await readFile(join(bundle, 'bundle.json'), 'utf8'));
  const s = manifest.input.size;
  const environment = OrtEnvironment.open(loadRuntime());
  const session = await OrtSession.open(environment, join(bundle, manifest.graph));
  session.bindInput('image', session.hostTensor('float32', [1, 3, s, s]));
  session.bindOutput('score', session.hostTensor('float32', [1]));
  session.bindOutput('map', session.hostTensor('float32', [1, 1, s, s]));
  session.bindOutput('embedding', session.hostTensor('float32', [1, manifest.embeddingSize]));
  const close = async () => {
    await session.close();
    environment.close();
  };
  return { session, close };
}

async function broker(): Promise<void> {
  const { Aedes } = await import('aedes');
  const { createServer } = await import('node:net');
  const aedes = await Aedes.createBroker();
  createServer(aedes.handle).listen(Number(values.bundle), '127.0.0.1', () => console.log('ready'));
}

function child(what: string, bundle: string) {
  const script = fileURLToPath(import.meta.url);
  const args = ['--conditions=source', '--import', 'tsx', script, '--child', what, '--bundle', bundle];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

function randomFrame(): Frame {
  const data = Uint8Array.from({ length: size * size * 3 }, (_, i) => (i * 7919) % 251);
  return { format: 'RGB24', width: size, height: size, data, sequence: 0, capturedMs: performance.now() };
}

async function rateOf(work: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  await work();
  return (runs * 1000) / (performance.now() - begin);
}

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(status.match(/VmRSS:\s+(\d+) kB/)?.[1]) / 1024;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
}
