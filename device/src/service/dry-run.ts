import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withoutPassword } from '@beltsight/sdk';
import { openCamera } from '../camera/open.js';
import type { DeviceConfig } from '../config/schema.js';
import { checkLines } from '../output/gpio/lines.js';
import { gpioOf } from '../output/outputs.js';
import { connectionOf } from '../publish/connection.js';
import { Scorer } from '../score/scorer.js';
import type { UpdateConfig } from '../update/schema.js';
import { lookOnce } from '../update/updates.js';
import { requireKnownClasses } from './classes.js';

/** One thing that was looked at. */
export interface Check {
  readonly what: string;
  readonly sound: boolean;
  /** What was found; what is wrong and what to do. */
  readonly text: string;
}

/**
 * Checks everything that a device needs, one line each, without publishing anything.
 * @returns whether all was well
 */
export async function dryRun(config: DeviceConfig, print: (line: string) => void): Promise<boolean> {
  let all = true;
  print('ok     configuration');
  for await (const { what, sound, text } of checksOf(config)) {
    all &&= sound;
    print(`${sound ? 'ok    ' : 'FAULT '} ${what}: ${text}`);
  }
  return all;
}

/** The checks of a dry run, as they are done. */
export async function* checksOf(config: DeviceConfig): AsyncGenerator<Check> {
  yield attempt('bundle', async () => {
    const scorer = await Scorer.open(config.bundle, config.runtime);
    const { name, modelId, golden } = scorer.manifest;
    await scorer.close();
    requireKnownClasses(config.cameras, scorer.manifest);
    const passed = scorer.rejected.map(({ provider }) => provider).join(', ');
    return (
      `"${name}", model ${modelId}, ${golden.length} golden samples score as they should ` +
      `(ONNX Runtime ${scorer.runtimeVersion}, ${scorer.provider}${passed === '' ? '' : `; not usable: ${passed}`})`
    );
  });
  for (const camera of config.cameras) yield attempt(`camera ${camera.name}`, () => openCamera(camera).check());
  const lines = gpioOf(config);
  if (lines.length > 0) yield attempt('outputs', async () => checkLines(lines));
  const { update } = config;
  if (update) yield attempt('updates', () => checkUpdates(config, update));
  yield attempt('broker', async () => {
    const client = await connectionOf(config, undefined)(() => undefined);
    await client.endAsync();
    return withoutPassword(config.broker.url);
  });
}

async function checkUpdates(config: DeviceConfig, update: UpdateConfig): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), 'beltsight-check-'));
  try {
    const found = await lookOnce(config, update, scratch);
    return found === undefined
      ? 'over MQTT, from beltsight release serve --mqtt'
      : `channel ${update.channel} of ${update.url} has ${found}`;
  } finally {
    await rm(scratch, { recursive: true });
  }
}

async function attempt(what: string, look: () => Promise<string>): Promise<Check> {
  try {
    return { what, sound: true, text: await look() };
  } catch (error) {
    return { what, sound: false, text: (error as Error).message };
  }
}
