import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { place, TRAINER } from './places.js';

/**
 * A smaller and shorter training than the defaults, which are made for real products and hours: it must fit into a few minutes
 * on two cores. Small batches and a slim projector make more steps of the same time, and learning rates that fall make more of them.
 */
const TRAINING = {
  loss: 'ccl',
  size: 128,
  width: 32,
  projectorReduction: 8,
  schedule: 'cosine',
  epochs: 13,
  batch: 6,
  classesPerBatch: 3,
  patience: 100,
  seed: 0,
} as const;
/**
 * High, so that a detector of a few minutes' training catches something: it tells good from bad, but not by far. Real
 * lines train longer and ask for less.
 */
const FALSE_REJECT_RATE = '0.2';

/** What decides the trained model, besides the samples. */
export async function trainingDigest(): Promise<string> {
  const { version } = JSON.parse(await readFile(place('trainer', 'package.json'), 'utf8'));
  return JSON.stringify({ TRAINING, FALSE_REJECT_RATE, version });
}

/**
 * The bundle for `data` in `folder`: trained and exported unless it is there. Goes on with a training that was stopped.
 * @throws BeltsightError if training or export fail; they have said why
 */
export async function prepareBundle(folder: string, data: string, retrain: boolean): Promise<string> {
  const [run, bundle, config] = [join(folder, 'run'), join(folder, 'bundle'), join(folder, 'training.json')];
  if (retrain) for (const old of [run, bundle]) await rm(old, { recursive: true, force: true });
  if (existsSync(join(bundle, 'bundle.json'))) return bundle;
  await mkdir(folder, { recursive: true });
  await writeFile(config, JSON.stringify({ data: [data], ...TRAINING }));
  const begun = existsSync(join(run, 'run.json'));
  await beltsight('train', ...(begun ? ['--resume'] : ['--config', config]), '--out', run);
  await beltsight('export', '--run', run, '--out', bundle, '--name', 'demo', '--false-reject-rate', FALSE_REJECT_RATE);
  return bundle;
}

/** Runs the trainer's command in the same terminal. */
export async function beltsight(...args: string[]): Promise<void> {
  // A Ctrl-C reaches both: the command ends in good order, and then says so here.
  const wait = () => undefined;
  process.on('SIGINT', wait);
  const child = spawn(process.execPath, [TRAINER, ...args], { stdio: 'inherit' });
  const [status, signal] = await once(child, 'close').finally(() => process.off('SIGINT', wait));
  if (status === 0) return;
  // 130 is a Ctrl-C, which the command has answered already.
  const how = status === 130 || signal ? 'was stopped' : `ended with status ${status}`;
  throw new BeltsightError('RUN_INVALID', `beltsight ${args[0]} ${how}: start the demo again to go on.`);
}
