import { readFile } from 'node:fs/promises';
import { BeltsightError } from '@beltsight/sdk';

/**
 * Content of a file that the configuration or an option names.
 * @param key which one, for the error
 * @throws BeltsightError CONFIG_INVALID
 */
export async function textOf(file: string, key: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new BeltsightError('CONFIG_INVALID', `${key}: ${file} cannot be read: ${(cause as Error).message}.`, {
      cause,
    });
  }
}

/** Secrets stand in the first line of a file: editors add another. */
export async function firstLineOf(file: string, key: string): Promise<string> {
  return (await textOf(file, key)).split(/\r?\n/)[0] as string;
}
