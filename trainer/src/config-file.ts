import { readFile } from 'node:fs/promises';
import { BeltsightError } from '@beltsight/sdk';
import { parse } from 'yaml';

/**
 * Content of a file that a person named.
 * @throws BeltsightError CONFIG_INVALID
 */
export async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new BeltsightError('CONFIG_INVALID', `${file} cannot be read: ${(cause as Error).message}.`, { cause });
  }
}

/** Secrets stand in the first line of a file: editors add another. */
export async function firstLineOf(file: string): Promise<string> {
  return (await textOf(file)).split(/\r?\n/)[0] as string;
}

/**
 * Keys and values of a YAML or JSON file.
 * @throws BeltsightError CONFIG_INVALID
 */
export async function readConfigFile(file: string): Promise<Record<string, unknown>> {
  const text = await textOf(file);
  const value: unknown = parsed(text, file);
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new BeltsightError('CONFIG_INVALID', `${file} must hold keys and values, such as "epochs: 50".`);
}

function parsed(text: string, file: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    throw new BeltsightError('CONFIG_INVALID', `${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
