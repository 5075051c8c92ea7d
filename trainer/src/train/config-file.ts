import { readFile } from 'node:fs/promises';
import { BeltsightError, parseConfig } from '@beltsight/sdk';
import { parse } from 'yaml';
import { type TrainConfig, trainConfigSchema } from './config.js';

/**
 * The training configuration: a YAML or JSON file (none where `file` is undefined), overridden by `flags`: keys of the
 * command line, or of a program.
 * @param defaults what holds where neither says anything; default: what the schema says
 * @throws BeltsightError CONFIG_INVALID naming every key that is wrong, and for an unknown one the nearest known
 */
export async function readTrainConfig(
  file: string | undefined,
  flags: Record<string, unknown>,
  defaults: Partial<TrainConfig> = {},
): Promise<TrainConfig> {
  const given = file === undefined ? {} : await readConfigFile(file);
  const where = file === undefined ? 'What was given' : `${file} (with what was given beside it)`;
  return parseConfig(trainConfigSchema, { ...defaults, ...given, ...flags }, where);
}

async function readConfigFile(file: string): Promise<Record<string, unknown>> {
  try {
    const value: unknown = parse(await readFile(file, 'utf8'));
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new BeltsightError('CONFIG_INVALID', `${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
  throw new BeltsightError('CONFIG_INVALID', `${file} must hold keys and values, such as "epochs: 50".`);
}
