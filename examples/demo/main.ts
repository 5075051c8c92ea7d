import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BeltsightError, InspectionClient, type ResultMessage } from '@beltsight/sdk';
import { Command, InvalidArgumentError } from 'commander';
import { startServer } from './broker.js';
import { balancedAccuracy, confusionText, countVerdicts } from './confusion.js';
import { ADDRESS, type DeviceProcess, startDevice } from './device.js';
import { beltsight, prepareBundle, trainingDigest } from './model.js';
import { place } from './places.js';
import { prepareSamples, samplesDigest } from './samples.js';

/**
 * What `--once` demands of the detector. Well below what it reaches (docs/measurements.md), so that another processor's last bits do
 * not fail it, and well above chance, which is 0.5 for the first two and 1/3 for the last.
 */
const BAR = { meanImageAuroc: 0.85, balancedAccuracy: 0.72, recognised: 0.95 } as const;

interface Flags {
  readonly once?: boolean;
  readonly retrain?: boolean;
  readonly host: string;
  readonly port: number;
  readonly rate: number;
}

const number = (from: number, to: number) => (text: string) => {
  const value = Number(text);
  if (text.trim() !== '' && value >= from && value <= to) return value;
  throw new InvalidArgumentError(`Give a number from ${from} to ${to}.`);
};

const program = new Command('npm run demo --')
  .description('Train on sample products, then inspect them on a conveyor: broker, device process and live page')
  .option('--once', 'inspect every product once, print the confusion table and metrics, and end')
  .option('--retrain', 'train again even if the model is there')
  .option('--host <address>', 'address to serve the page on', '127.0.0.1')
  .option('--port <n>', 'port of the page; 0: any free one', number(0, 65535), 8080)
  .option('--rate <hz>', 'products a second', number(0.1, 100), 4)
  .showHelpAfterError();

async function main(flags: Flags): Promise<number> {
  // Now, and not after minutes of training.
  if (!flags.once) await (await startServer(flags.host, flags.port)).close();
  const key = createHash('sha256')
    .update(await samplesDigest())
    .update(await trainingDigest())
    .digest('hex')
    .slice(0, 12);
  const cache = place('.beltsight', 'demo', key);
  const { data, conveyor } = await prepareSamples(join(cache, 'samples'));
  const bundle = await prepareBundle(cache, data, flags.retrain ?? false);
  const folder = await mkdtemp(join(tmpdir(), 'beltsight-demo-'));
  try {
    return flags.once
      ? await inspectOnce(folder, bundle, data, conveyor)
      : await inspectLive(folder, bundle, conveyor, flags);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Every unseen product once, through broker and device; status 0 if the detector is good enough. */
async function inspectOnce(folder: string, bundle: string, data: string, conveyor: string): Promise<number> {
  const server = await startServer('127.0.0.1', 0);
  const client = await InspectionClient.connect(server.mqttUrl, { ...ADDRESS, pictures: false });
  const results: ResultMessage[] = [];
  client.on('result', (result) => results.push(result));
  try {
    const device = await startDevice(join(folder, 'device.yaml'), {
      bundle,
      broker: server.mqttUrl,
      conveyor,
      rateHz: undefined,
    });
    const end = await endOf(device);
    if (end === 'stopped') throw new BeltsightError('RUN_INVALID', 'The inspection was stopped.');
    if (end !== 0) throw new BeltsightError('RUN_INVALID', `The device ended with status ${end}.`);
  } finally {
    await client.close();
    await server.close();
  }
  const json = join(folder, 'evaluation.json');
  await beltsight('evaluate', '--bundle', bundle, '--data', data, '--json', json);
  const { mean } = JSON.parse(await readFile(json, 'utf8')) as { mean: { imageAuroc: number } };
  const classes = countVerdicts(results);
  const named = [...classes.values()].reduce((sum, { recognised }) => sum + recognised, 0);
  const reached = {
    meanImageAuroc: mean.imageAuroc,
    balancedAccuracy: balancedAccuracy(classes),
    recognised: named / results.length,
  };
  console.log(`\nWhat the device said of ${results.length} products:\n${confusionText(classes)}\n`);
  let enough = true;
  for (const [name, bar] of Object.entries(BAR) as [keyof typeof BAR, number][]) {
    const passed = reached[name] >= bar;
    enough &&= passed;
    console.log(`${passed ? 'ok   ' : 'BELOW'} ${name} ${reached[name].toFixed(3)}, bar ${bar}`);
  }
  return enough ? 0 : 1;
}

/** Products pass until Ctrl-C. */
async function inspectLive(
  folder: string,
  bundle: string,
  conveyor: string,
  { host, port, rate }: Flags,
): Promise<number> {
  const server = await startServer(host, port);
  const device = await startDevice(join(folder, 'device.yaml'), {
    bundle,
    broker: server.mqttUrl,
    conveyor,
    rateHz: rate,
  });
  console.log(
    `\nOpen ${server.pageUrl}\n\nMQTT broker: ${server.mqttUrl}, topics beltsight/1/${Object.values(ADDRESS).join('/')}/#\nCtrl-C ends the demo.`,
  );
  const end = await endOf(device);
  await server.close();
  return end === 'stopped' ? 0 : 1;
}

/** The exit status of a device that ended by itself, or that somebody stopped the demo, and the device with it. */
async function endOf(device: DeviceProcess): Promise<number | null | 'stopped'> {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  let stop: () => void = () => undefined;
  const stopped = new Promise<'stopped'>((resolve) => {
    stop = () => resolve('stopped');
  });
  for (const signal of signals) process.once(signal, stop);
  const end = await Promise.race([stopped, device.ended]);
  for (const signal of signals) process.off(signal, stop);
  if (end === 'stopped') await device.stop();
  return end;
}

try {
  process.exitCode = await main(program.parse().opts<Flags>());
} catch (error) {
  if (!(error instanceof BeltsightError)) throw error;
  process.stderr.write(`\n${error.code}: ${error.message}\n`);
  process.exitCode = 1;
}
