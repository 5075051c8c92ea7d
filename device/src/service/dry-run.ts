import { FolderCamera } from '../camera/folder.js';
import type { DeviceConfig } from '../config/schema.js';
import { connectionOf } from '../publish/connection.js';
import { Scorer } from '../score/scorer.js';
import { requireKnownClasses } from './classes.js';

/**
 * Checks everything that a device needs, one line each, without publishing anything.
 * @returns whether all was well
 */
export async function dryRun(config: DeviceConfig, print: (line: string) => void): Promise<boolean> {
  let sound = true;
  const check = async (what: string, look: () => Promise<string>) => {
    try {
      print(`ok     ${what}: ${await look()}`);
    } catch (error) {
      sound = false;
      print(`FAULT  ${what}: ${(error as Error).message}`);
    }
  };
  print('ok     configuration');
  await check('bundle', async () => {
    const scorer = await Scorer.open(config.bundle, config.runtime);
    const { name, modelId, golden } = scorer.manifest;
    await scorer.close();
    requireKnownClasses(config, scorer.manifest);
    return `"${name}", model ${modelId}, ${golden.length} golden samples score as they should (ONNX Runtime ${scorer.runtimeVersion}, ${scorer.provider})`;
  });
  for (const { name, source } of config.cameras) {
    await check(`camera ${name}`, async () => {
      await new FolderCamera(name, source).check();
      return source.path;
    });
  }
  await check('broker', async () => {
    const client = await connectionOf(config, undefined)(() => undefined);
    await client.endAsync();
    return config.broker.url;
  });
  return sound;
}
