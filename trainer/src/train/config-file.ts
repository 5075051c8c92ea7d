import { parseConfig } from '@beltsight/sdk';
import { readConfigFile } from '../config-file.js';
import { newTrainConfigSchema, type TrainConfig } from './config.js';

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
  return parseConfig(newTrainConfigSchema, { ...defaults, ...given, ...flags }, where);
}
