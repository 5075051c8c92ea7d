import { BeltsightError } from '@beltsight/sdk';
import type { Command } from 'commander';
import { textOf } from '../config-file.js';

/** Where a command listens, as its options say. */
export interface ListenFlags {
  readonly host: string;
  readonly port: string;
  readonly cert?: string;
  readonly key?: string;
}

/** The options of a command that serves over HTTP(S). */
export function withListening(command: Command, port: string): Command {
  return command
    .option('--host <address>', 'address to listen on', '0.0.0.0')
    .option('--port <n>', 'port to listen on; 0: any free one', port)
    .option('--cert <file>', 'certificate (PEM), for HTTPS')
    .option('--key <file>', 'its key (PEM)');
}

/** @throws BeltsightError ARGUMENT_INVALID, CONFIG_INVALID naming a file that cannot be read */
export async function listening({ host, port, cert, key }: ListenFlags) {
  if ((cert === undefined) !== (key === undefined)) {
    throw new BeltsightError('ARGUMENT_INVALID', '--cert and --key go together.');
  }
  const number = Number(port);
  if (!Number.isInteger(number) || number < 0 || number > 65_535) {
    throw new BeltsightError('ARGUMENT_INVALID', `--port ${port}: give a number from 0 to 65535.`);
  }
  const tls =
    cert === undefined || key === undefined ? undefined : { cert: await textOf(cert), key: await textOf(key) };
  const scheme = tls ? 'https' : 'http';
  return { host, port: number, tls, address: (listens: number) => `${scheme}://${host}:${listens}` };
}

/** Resolves when somebody wants the command to end. */
export async function untilStopped(): Promise<void> {
  await new Promise<void>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done());
  });
}
