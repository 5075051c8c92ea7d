import { BeltsightError } from '@beltsight/sdk';
import { read } from 'read';
import { firstLineOf } from '../config-file.js';
import type { NewPassphrase } from './init.js';
import type { Passphrase } from './signers.js';

/** Where passphrases come from when nobody is asked. */
const VARIABLE = 'BELTSIGHT_PASSPHRASE';
/** Shorter ones can be guessed, however slow each guess is. */
const SHORTEST = 10;

/** A passphrase for every key: the first line of a file, or the environment; undefined where there is neither. */
async function given(file: string | undefined): Promise<string | undefined> {
  return file === undefined ? process.env[VARIABLE] : firstLineOf(file);
}

/** Passphrases of keys that there are: from a file, the environment, or a person at a terminal, who may leave one out. */
export function knownPassphrases(file: string | undefined): Passphrase {
  return async (key) => {
    const known = await given(file);
    if (known !== undefined || !process.stdin.isTTY) return known;
    return (await ask(`Passphrase of key ${key} (empty: not here): `)) || undefined;
  };
}

/** Passphrases for new keys, typed twice. */
export function newPassphrases(file: string | undefined): NewPassphrase {
  return async (key) => {
    const known = await given(file);
    if (known !== undefined) return longEnough(known);
    if (!process.stdin.isTTY) {
      throw new BeltsightError(
        'ARGUMENT_INVALID',
        `Key ${key} needs a passphrase: use --passphrase-file or ${VARIABLE}.`,
      );
    }
    const first = longEnough(await ask(`Passphrase for the new key ${key}: `));
    if (first === (await ask('Once more: '))) return first;
    throw new BeltsightError('ARGUMENT_INVALID', 'The two passphrases differ: run the command again.');
  };
}

function longEnough(passphrase: string): string {
  if (passphrase.length >= SHORTEST) return passphrase;
  throw new BeltsightError('ARGUMENT_INVALID', `A passphrase has ${SHORTEST} characters or more.`);
}

async function ask(prompt: string): Promise<string> {
  return read({ prompt, silent: true, replace: '' });
}
