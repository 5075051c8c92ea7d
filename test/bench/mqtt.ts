/**
 * npm run bench -- mqtt [--json FILE] [--results 50000] [--seconds 20]
 * npm run bench -- mqtt --soak [--results 1000000] [--broker-kills 200] [--process-kills 20] [--json FILE]
 *
 * Results of 600 bytes through publisher and spool to mosquitto at QoS 1, and on to one subscriber: results a second, flat out; time
 * from `send` to the subscriber at 30 results a second, and the same to a bare MQTT client, for comparison. The soak kills broker and
 * publishing process (SIGKILL) at random moments, and counts what is lost, repeated and out of order.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connectMqtt } from '@beltsight/sdk';
import { pino } from 'pino';
import { Outbox } from '../../device/src/publish/outbox.js';
import { Publisher } from '../../device/src/publish/publisher.js';
import { spoolSchema } from '../../device/src/spool/schema.js';
import { startMosquitto } from '../support/mosquitto.js';
import { soak } from '../support/soak.js';

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    soak: { type: 'boolean', default: false },
    results: { type: 'string' },
    seconds: { type: 'string', default: '20' },
    'broker-kills': { type: 'string', default: '200' },
    'process-kills': { type: 'string', default: '20' },
  },
});
const RATE_HZ = 30;
const RESULT_BYTES = 600;
/** Not counted: a device runs for months, and code that ran a few times only is slow. */
const WARM_UP = 5 * RATE_HZ;
const TOPIC = 'beltsight/1/s/l/d/camera/belt/result';

const report = values.soak ? await soaked() : { ...(await flatOut()), ...(await latencies()) };
if (values.json) await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
process.exit(0);

async function flatOut() {
  const results = Number(values.results ?? 50_000);
  const { rateHz, memory } = await soak({ results, brokerKills: 0, processKills: 0, burst: 16 });
  console.log(`sustained            ${rateHz.toFixed(0)} results/s over ${results} (QoS 1, spooled)`);
  console.log(`resident memory      at most ${megabytes(Math.max(...memory))} MB, the loader of the sources included`);
  return { results, rateHz, memory: Math.max(...memory) };
}

async function latencies() {
  const folder = await mkdtemp(join(tmpdir(), 'beltsight-bench-'));
  const broker = await startMosquitto();
  try {
    const publisherMs = await throughPublisher(join(folder, 'spool'), broker.url);
    const client = await connectMqtt(broker.url);
    const bareMs = await timed(broker.url, (payload) => {
      client.publish(TOPIC, payload, { qos: 1 });
    });
    await client.endAsync();
    for (const [name, ms] of Object.entries({ publisher: publisherMs, 'bare client': bareMs })) {
      const [p50, p99] = [quantile(ms, 0.5), quantile(ms, 0.99)];
      console.log(
        `${name.padEnd(20)} p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms of ${ms.length} at ${RATE_HZ}/s`,
      );
    }
    return { publisherMs, bareMs };
  } finally {
    await broker.stop();
    await rm(folder, { recursive: true });
  }
}

async function throughPublisher(folder: string, url: string): Promise<number[]> {
  const logger = pino({ level: 'error' });
  const outbox = await Outbox.open({ ...spoolSchema.parse({}), folder, logger });
  const publisher = new Publisher({
    connect: (connected) => connectMqtt(url, {}, { connected }),
    outbox,
    logger,
  });
  await publisher.start();
  const ms = await timed(url, (payload) =>
    publisher.send([{ topic: TOPIC, payload, importance: 'result', options: { qos: 1 } }]),
  );
  await publisher.close(undefined, 1000);
  return ms;
}

/** Milliseconds from handing over to arrival, sorted. */
async function timed(url: string, send: (payload: Buffer) => void): Promise<number[]> {
  const count = WARM_UP + Number(values.seconds) * RATE_HZ;
  const sent: number[] = [];
  const ms: number[] = [];
  const subscriber = await connectMqtt(url);
  subscriber.on('message', (_topic, payload) => {
    ms.push(performance.now() - (sent[Number.parseInt(payload.toString('latin1', 0, 10), 10)] as number));
  });
  await subscriber.subscribeAsync(TOPIC, { qos: 1 });
  const begin = performance.now();
  for (let i = 0; i < count; i++) {
    const payload = Buffer.from(String(i).padEnd(RESULT_BYTES, '.'));
    sent[i] = performance.now();
    send(payload);
    await sleep(Math.max(0, begin + ((i + 1) * 1000) / RATE_HZ - performance.now()));
  }
  while (ms.length < count) await sleep(20);
  await subscriber.endAsync();
  return ms.slice(WARM_UP).sort((a, b) => a - b);
}

async function soaked() {
  const plan = {
    results: Number(values.results ?? 1_000_000),
    brokerKills: Number(values['broker-kills']),
    processKills: Number(values['process-kills']),
    burst: 16,
    log: (line: string) => process.stderr.write(`${line}\n`),
  };
  const soaking = await soak(plan);
  const { seconds, arrived, lost, cutOff, repeated, outOfOrder, memory } = soaking;
  const tenths = Array.from({ length: 10 }, (_, i) =>
    memory.slice(Math.floor((i * memory.length) / 10), Math.floor(((i + 1) * memory.length) / 10)),
  ).map((part) =>
    megabytes(
      quantile(
        [...part].sort((a, b) => a - b),
        0.5,
      ),
    ),
  );
  console.log(`${arrived} of ${plan.results} arrived in ${seconds.toFixed(0)} s`);
  console.log(`${soaking.brokerKills} broker kills, ${soaking.processKills} process kills`);
  console.log(`${lost} lost of what the spool had; ${cutOff} cut off at a kill before it had them`);
  console.log(`${repeated} repeated (dropped by id), 0 left after that; ${outOfOrder} out of order`);
  console.log(`resident memory, medians of tenths of the run: ${tenths.join(', ')} MB`);
  console.log(`given up by the spool: ${JSON.stringify(soaking.dropped)}`);
  if (soaking.missing.length > 0) console.log(`missing: ${soaking.missing.join(' ')}`);
  return soaking;
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
