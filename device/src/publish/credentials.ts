import { X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { BeltsightError } from '@beltsight/sdk';
import type { IClientOptions } from 'mqtt';
import { firstLineOf, textOf } from '../secret-file.js';
import { type BrokerConfig, FILES, isEncrypted } from './broker-schema.js';

/** Files are looked at this often; a change counts when it has stood still from one look to the next. */
const LOOK_MS = 2000;

/** What a device shows the broker, read anew whenever it is asked for: user, password, certificates. */
export class Credentials {
  /** State of the files when they were last read. */
  #read = '';

  constructor(
    private readonly broker: BrokerConfig,
    private readonly environment: Readonly<Record<string, string | undefined>> = process.env,
  ) {}

  /** @throws BeltsightError CONFIG_INVALID naming the key and what is wrong with it */
  async read(): Promise<IClientOptions> {
    this.#read = await this.#stamp();
    const username = await this.#secret('username');
    const password = await this.#secret('password');
    return {
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(isEncrypted(this.broker) ? await this.#tls() : {}),
    };
  }

  /** Calls `renew` when files have changed and are sound, `refuse` with what is wrong when they are not. Returns what ends that. */
  watch(renew: () => void, refuse: (error: Error) => void, lookMs = LOOK_MS): () => void {
    if (this.#files.length === 0) return () => undefined;
    let before = '';
    let refused = '';
    let looking = false;
    const look = async () => {
      const now = await this.#stamp();
      const still = now === before;
      before = now;
      // Certificate and key are two files: half of a change is none.
      if (now === this.#read || now === refused || !still) return;
      try {
        await this.#check();
        renew();
      } catch (error) {
        refused = now;
        refuse(error as Error);
      }
    };
    const timer = setInterval(() => {
      if (looking) return;
      looking = true;
      void look().finally(() => {
        looking = false;
      });
    }, lookMs);
    timer.unref();
    return () => clearInterval(timer);
  }

  /** When this device's certificate ends, where it has one. */
  async expiry(): Promise<Date | undefined> {
    const { certFile } = this.broker;
    return certFile === undefined
      ? undefined
      : new Date(certificate('certFile', await read('certFile', certFile)).validTo);
  }

  get #files(): string[] {
    return FILES.flatMap((key) => this.broker[key] ?? []);
  }

  async #check(): Promise<void> {
    await this.#secret('username');
    await this.#secret('password');
    if (isEncrypted(this.broker)) await this.#tls();
  }

  async #stamp(): Promise<string> {
    const states = this.#files.map((file) =>
      stat(file).then(
        ({ mtimeMs, size, ino }) => `${mtimeMs}/${size}/${ino}`,
        () => 'absent',
      ),
    );
    return (await Promise.all(states)).join(' ');
  }

  async #secret(what: 'username' | 'password'): Promise<string | undefined> {
    const file = this.broker[`${what}File`];
    if (file !== undefined) return firstLineOf(file, `broker.${what}File`);
    const variable = this.broker[`${what}Env`];
    if (variable === undefined) return what === 'username' ? this.broker.username : undefined;
    const value = this.environment[variable];
    if (value !== undefined) return value;
    throw invalid(`${what}Env`, `the environment variable ${variable} is not set`);
  }

  async #tls(): Promise<IClientOptions> {
    const { caFile, certFile, keyFile, keyPassphraseFile, serverName, alpn } = this.broker;
    const ca = caFile === undefined ? undefined : await read('caFile', caFile);
    if (ca !== undefined) certificate('caFile', ca);
    const passphrase =
      keyPassphraseFile === undefined ? undefined : await firstLineOf(keyPassphraseFile, 'broker.keyPassphraseFile');
    const own =
      certFile === undefined || keyFile === undefined
        ? {}
        : { cert: await read('certFile', certFile), key: await read('keyFile', keyFile) };
    if (own.cert !== undefined) {
      certificate('certFile', own.cert);
      proveKey(own, passphrase);
    }
    const tls = {
      ...(ca === undefined ? {} : { ca }),
      ...own,
      ...(passphrase === undefined ? {} : { passphrase }),
      ...(serverName === undefined ? {} : { servername: serverName }),
      ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
    };
    // WebSockets take them from there, and remember old ones.
    return { ...tls, wsOptions: { ...tls } };
  }
}

/** That key, passphrase and certificate belong together. */
function proveKey(own: { cert?: string; key?: string }, passphrase: string | undefined): void {
  try {
    createSecureContext({ ...own, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (cause) {
    throw invalid(
      'keyFile',
      `cannot be used with certFile (${(cause as Error).message}): they must belong together, and an encrypted key needs keyPassphraseFile`,
      cause,
    );
  }
}

function certificate(key: 'caFile' | 'certFile', pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw invalid(key, `is no certificate in PEM form (${(cause as Error).message})`, cause);
  }
}

function read(key: (typeof FILES)[number], file: string): Promise<string> {
  return textOf(file, `broker.${key}`);
}

function invalid(key: keyof BrokerConfig, what: string, cause?: unknown): BeltsightError {
  return new BeltsightError('CONFIG_INVALID', `broker.${key}: ${what}.`, { cause });
}
