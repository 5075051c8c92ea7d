import { execFile } from 'node:child_process';
import { createHash, sign } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { canonicalize } from '@tufjs/canonical-json';
import { Key, type Metadata, type Root, Signature, type Snapshot, type Targets, type Timestamp } from '@tufjs/models';
import { openKey } from './key-file.js';
import type { KeySettings, Settings } from './settings.js';

/** Gives the passphrase of a key by its name, or undefined where nobody knows it here. */
export type Passphrase = (key: string) => Promise<string | undefined>;

/** A signer that does not answer for so long is stuck: a person may have to press a button. */
const COMMAND_TIMEOUT_MS = 120_000;

/** Signs bytes with Ed25519, 64 bytes. */
type Sign = (bytes: Buffer) => Promise<Buffer>;

export type AnyMetadata = Metadata<Root> | Metadata<Targets> | Metadata<Snapshot> | Metadata<Timestamp>;

/** TUF's key object of an Ed25519 public key; its id is the SHA-256 of its canonical form (TUF specification, 4.2). */
export function tufKey(publicKey: string): Key {
  const form = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: publicKey } };
  const keyID = createHash('sha256').update(canonicalize(form)).digest('hex');
  return new Key({ keyID, keyType: 'ed25519', scheme: 'ed25519', keyVal: form.keyval });
}

/** Whether a key may sign here, if somebody knows its passphrase. */
export async function isAtHand(folder: string, settings: KeySettings): Promise<boolean> {
  if ('command' in settings) return true;
  if (!('file' in settings)) return false;
  return access(resolve(folder, settings.file)).then(
    () => true,
    () => false,
  );
}

/** The keys of the settings that can sign here: by file and passphrase, or by a command. Each is opened once. */
export class Signers {
  readonly #opened = new Map<string, Promise<Sign | undefined>>();

  constructor(
    private readonly folder: string,
    private readonly settings: Settings,
    private readonly passphrase: Passphrase,
  ) {}

  /**
   * Adds signatures of the named keys that are at hand, and keeps those that hold already.
   * @returns names of the keys that have signed
   * @throws BeltsightError KEY_INVALID if a key is not the one the settings name, a command fails, or a file cannot be opened
   */
  async sign(metadata: AnyMetadata, names: readonly string[]): Promise<readonly string[]> {
    const bytes = Buffer.from(canonicalize(metadata.signed.toJSON()));
    const signed: string[] = [];
    for (const name of new Set(names)) {
      const settings = this.settings.keys[name] as KeySettings;
      const key = tufKey(settings.publicKey);
      if (!holds(key, metadata)) {
        delete metadata.signatures[key.keyID];
        const signer = await this.#signer(name, settings);
        if (!signer) continue;
        const sig = (await signer(bytes)).toString('hex');
        metadata.signatures[key.keyID] = new Signature({ keyID: key.keyID, sig });
        if (!holds(key, metadata)) {
          throw new BeltsightError(
            'KEY_INVALID',
            `Key "${name}" does not fit its public key in release.yaml: correct it.`,
          );
        }
      }
      signed.push(name);
    }
    return signed;
  }

  #signer(name: string, settings: KeySettings): Promise<Sign | undefined> {
    const known = this.#opened.get(name) ?? this.#open(name, settings);
    this.#opened.set(name, known);
    return known;
  }

  async #open(name: string, settings: KeySettings): Promise<Sign | undefined> {
    if ('command' in settings) return (bytes) => signByCommand(name, settings.command, bytes);
    if (!('file' in settings)) return undefined;
    const file = resolve(this.folder, settings.file);
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      // A key on a stick that is not plugged in is as good as absent.
      if (error.code === 'ENOENT') return undefined;
      throw new BeltsightError('KEY_INVALID', `${file} cannot be read: ${error.message}.`, { cause: error });
    });
    const passphrase = text === undefined ? undefined : await this.passphrase(name);
    if (text === undefined || passphrase === undefined) return undefined;
    const key = await openKey(text, passphrase, file);
    return async (bytes) => sign(null, bytes, key);
  }
}

function holds(key: Key, metadata: AnyMetadata): boolean {
  try {
    key.verifySignature(metadata);
    return true;
  } catch {
    return false;
  }
}

/** Hardware tokens and signing services: whatever signs standard input. */
function signByCommand(name: string, [program, ...args]: readonly string[], bytes: Buffer): Promise<Buffer> {
  return new Promise((done, fail) => {
    const failed = (why: string) =>
      fail(new BeltsightError('KEY_INVALID', `The signer of key "${name}" (${program}) failed: ${why}.`));
    const options = { encoding: 'buffer', timeout: COMMAND_TIMEOUT_MS, maxBuffer: 65_536 } as const;
    const child = execFile(program as string, args, options, (error, stdout, stderr) => {
      if (error) return failed(stderr.toString().trim() || error.message);
      const text = stdout.toString('latin1').trim();
      if (stdout.length === 64) return done(stdout);
      if (/^[0-9a-f]{128}$/i.test(text)) return done(Buffer.from(text, 'hex'));
      failed(`it wrote ${stdout.length} bytes where a signature has 64, or 128 hex digits`);
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(bytes);
  });
}
