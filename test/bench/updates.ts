/**
 * npm run bench -- updates [--count 1000] [--json FILE]
 *
 * Bytes that a device fetches for a first model, and for one that was trained again on the same teacher, over HTTP and over MQTT; then many
 * updates in a row by a process of its own: what its state folder and its memory take.
 */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connectMqtt, topicsOf } from '@beltsight/sdk';
import { float32 } from '@beltsight/sdk/onnx';
import { HttpTransport } from '../../device/src/update/source/http.js';
import { MqttTransport } from '../../device/src/update/source/mqtt.js';
import { Releases } from '../../device/src/update/source/releases.js';
import type { Transport } from '../../device/src/update/source/transport.js';
import { TrustedMetadata } from '../../device/src/update/source/trusted.js';
import { BlobStore } from '../../device/src/update/store/blobs.js';
import { serveOverMqtt } from '../../trainer/src/release/mqtt-server.js';
import { startMosquitto } from '../support/mosquitto.js';
import { retrained } from '../support/tiny-bundle.js';
import { FaultyDevices } from '../update/faults.js';
import { UpdatedScene } from '../update/scene.js';

const { values } = parseArgs({ options: { json: { type: 'string' }, count: { type: 'string', default: '1000' } } });
const DEVICE = { site: 'plant1', line: 'line1', device: 'd1' };
const LIMITS = { minBytesPerSecond: 1, patienceMs: 60_000, maxBytesPerSecond: null };
/** Weights of a ResNet-18 teacher, and of its student. */
const TEACHER_BYTES = 44_000_000;
const STUDENT_BYTES = 20_000_000;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;

const scene = await UpdatedScene.open();
try {
  const report = { bytes: await bytesSent(), row: await inARow(Number(values.count)) };
  if (values.json) await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
} finally {
  await scene.close();
}
process.exit(0);

/** Bytes from the repository for a full model, and for the next. */
async function bytesSent() {
  const http = await counting(Number(new URL(scene.url).port));
  const broker = await startMosquitto();
  const mqtt = await counting(Number(new URL(broker.url).port));
  const { folder } = scene.scene.workspace.repository;
  const responder = await serveOverMqtt({ folder, url: broker.url, log: () => undefined });
  const client = await connectMqtt(`mqtt://127.0.0.1:${mqtt.port}`);
  const { updatePiece } = topicsOf(DEVICE);
  await client.subscribeAsync(updatePiece, { qos: 1 });
  const transports: Record<string, [Transport, typeof http]> = {
    HTTP: [new HttpTransport({ url: `http://127.0.0.1:${http.port}` }), http],
    MQTT: [
      new MqttTransport(
        {
          subscribe: (_, listener) => void client.on('message', (_topic, _payload, packet) => listener(packet)),
          say: (topic, payload, options) => void client.publish(topic, payload, options),
        },
        topicsOf(DEVICE),
      ),
      mqtt,
    ],
  };
  const report: Record<string, number[]> = {};
  for (const gain of [2, 3]) {
    const made = await scene.release((parts) => {
      const { model } = retrained(gain)(parts);
      const initializers = new Map(model.initializers)
        .set('teacher', float32([TEACHER_BYTES / 4], noise(TEACHER_BYTES / 4, 1)))
        .set('student', float32([STUDENT_BYTES / 4], noise(STUDENT_BYTES / 4, gain)));
      const placement = (name: string) => (name === 'teacher' ? 'teacher.weights' : 'student.weights');
      return { ...parts, model: { ...model, initializers }, placement };
    });
    for (const [name, [transport, counted]] of Object.entries(transports)) {
      const before = counted.bytes;
      await fetched(name, transport);
      const bytes = counted.bytes - before;
      report[name] = [...(report[name] ?? []), bytes];
      console.log(`${name}  ${gain === 2 ? 'full model' : 'retrained '} ${megabytes(bytes)} (${made.path})`);
    }
  }
  await client.endAsync(true);
  await responder.close();
  await broker.stop();
  for (const each of [http, mqtt]) each.close();
  return report;
}

/** Fetches what the channel says, as a device does. */
async function fetched(name: string, transport: Transport): Promise<void> {
  const signal = new AbortController().signal;
  const folder = join(scene.folder, `fetched-${name}`);
  const trusted = new TrustedMetadata(join(folder, 'trusted.json'), scene.settings(folder).root, console.warn);
  const found = await new Releases(transport, trusted, LIMITS).find(
    DEVICE,
    { release: null, channel: 'stable' },
    signal,
  );
  const blobs = new BlobStore(join(folder, 'blobs'), { ...LIMITS, quotaBytes: 2 ** 30, reserveBytes: 0 });
  await blobs.fetch(Object.values(found?.release.files ?? {}), transport, signal, () => undefined);
}

/** Values that no compression makes smaller. */
function noise(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}

/** Updates, each to another model; the state folder and the memory of the process after each. */
async function inARow(count: number) {
  const devices = await FaultyDevices.build(scene.folder);
  const folder = join(scene.folder, 'row');
  const device = devices.start({ ...scene.settings(folder), until: '' });
  const samples: Record<'update' | 'files' | 'bytes' | 'metadataBytes' | 'residentBytes', number>[] = [];
  for (let update = 1; update <= count; update++) {
    const { path } = await scene.release();
    const arrived = () => device.states.some(({ state, running }) => state === 'idle' && running.release === path);
    while (!arrived()) await sleep(5);
    device.states.length = 0;
    // Metadata are laid out beside themselves while it looks; they grow with every release that there is.
    const names = (await readdir(folder, { recursive: true })).filter((name) => !name.startsWith('trusted.json'));
    const found = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => undefined)));
    // What is linked to two places is there once.
    const files = new Map(found.flatMap((each) => (each?.isFile() ? [[each.ino, each.size] as const] : [])));
    const metadataBytes = (await stat(join(folder, 'trusted.json'))).size;
    const bytes = [...files.values()].reduce((sum, size) => sum + size, 0);
    const residentBytes = Number((await readFile(`/proc/${device.pid}/statm`, 'utf8')).split(' ')[1]) * 4096;
    samples.push({ update, files: files.size, bytes, metadataBytes, residentBytes });
    if (update % Math.ceil(count / 10) === 0) {
      console.log(
        `${String(update).padStart(5)} updates  ${files.size} files  ${bytes} bytes, metadata ${metadataBytes}  resident ${megabytes(residentBytes)}`,
      );
    }
  }
  device.stop();
  await device.ended;
  return samples;
}

/** A port that counts what passes back through it. */
async function counting(target: number) {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const behind = connect(target, '127.0.0.1');
    for (const socket of [client, behind]) sockets.add(socket.on('error', () => undefined));
    behind.on('data', (chunk) => (counted.bytes += chunk.length));
    client.pipe(behind).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const counted = {
    bytes: 0,
    port: (server.address() as { port: number }).port,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return counted;
}
