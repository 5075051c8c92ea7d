import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { BeltsightError, parseConfig } from '@beltsight/sdk';
import { parseDocument } from 'yaml';
import { withPaths } from '../publish/broker-schema.js';
import { withUpdatePaths } from '../update/schema.js';
import { withFiles } from './paths.js';
import { type DeviceConfig, deviceConfigSchema } from './schema.js';

/**
 * Reads a device's configuration. Relative paths in it count from its own folder.
 * @throws BeltsightError CONFIG_INVALID naming the line of a syntax error, or every key that is wrong
 */
export async function readDeviceConfig(file: string): Promise<DeviceConfig> {
  const config = parseConfig(deviceConfigSchema, parseYaml(await readText(file), file), file);
  const from = (path: string) => resolve(dirname(file), path);
  const { library, cache } = config.runtime;
  const { inbox } = config.feedback;
  return {
    ...config,
    bundle: from(config.bundle),
    state: from(config.state),
    collect: { ...config.collect, folder: from(config.collect.folder ?? join(config.state, 'collected')) },
    feedback: {
      ...config.feedback,
      ...(inbox ? { inbox: withFiles(inbox, ['tokenFile'], from) } : {}),
    },
    runtime: {
      ...config.runtime,
      ...(library === undefined ? {} : { library: from(library) }),
      ...(cache === undefined ? {} : { cache: from(cache) }),
    },
    broker: withPaths(config.broker, from),
    ...(config.update ? { update: withUpdatePaths(config.update, from) } : {}),
    cameras: config.cameras.map((camera) => ({
      ...camera,
      source: 'path' in camera.source ? { ...camera.source, path: from(camera.source.path) } : camera.source,
    })),
  };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new BeltsightError('CONFIG_INVALID', `${file} cannot be read: ${(cause as Error).message}.`, { cause });
  }
}

function parseYaml(text: string, file: string): unknown {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (!error) return document.toJS();
  throw new BeltsightError('CONFIG_INVALID', `${file} is no YAML: ${error.message}`, { cause: error });
}
