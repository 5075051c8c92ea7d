import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { Command } from 'commander';
import { openInbox } from '../inbox/receive.js';
import { serveInbox } from '../inbox/server.js';

interface Flags {
  readonly out: string;
  readonly tokenFile: string;
  readonly host: string;
  readonly port: string;
  readonly cert?: string;
  readonly key?: string;
}

/** A token that can be guessed protects nothing. */
const SHORTEST_TOKEN = 16;

/** beltsight inbox: takes the pictures that devices collect. */
export function inboxCommand(): Command {
  return new Command('inbox')
    .description('Receive pictures of good products from devices into a data set folder')
    .requiredOption('--out <folder>', 'data set folder, for beltsight train --data')
    .requiredOption('--token-file <file>', 'file whose first line senders must know, 16 characters or more')
    .option('--host <address>', 'address to listen on', '0.0.0.0')
    .option('--port <n>', 'port to listen on; 0: any free one', '8090')
    .option('--cert <file>', 'certificate (PEM), for HTTPS')
    .option('--key <file>', 'its key (PEM)')
    .addHelpText(
      'after',
      '\nExample:\n  openssl rand -hex 32 > token\n  beltsight inbox --out products --token-file token --cert cert.pem --key key.pem',
    )
    .action(async ({ out, tokenFile, host, port, cert, key }: Flags) => {
      const [token = ''] = (await textOf(tokenFile)).split(/\r?\n/);
      if (token.length < SHORTEST_TOKEN) {
        throw new BeltsightError(
          'CONFIG_INVALID',
          `${tokenFile}: the first line has ${token.length} characters, a token needs ${SHORTEST_TOKEN}.`,
        );
      }
      if ((cert === undefined) !== (key === undefined)) {
        throw new BeltsightError('ARGUMENT_INVALID', '--cert and --key go together.');
      }
      const number = Number(port);
      if (!Number.isInteger(number) || number < 0 || number > 65_535) {
        throw new BeltsightError('ARGUMENT_INVALID', `--port ${port}: give a number from 0 to 65535.`);
      }
      const tls =
        cert === undefined || key === undefined ? undefined : { cert: await textOf(cert), key: await textOf(key) };
      const log = (line: string) => process.stderr.write(`${line}\n`);
      const server = await serveInbox({ inbox: await openInbox(resolve(out)), host, port: number, token, tls, log });
      log(`Receiving into ${resolve(out)} on ${tls ? 'https' : 'http'}://${host}:${server.port}. Ctrl-C ends.`);
      if (!tls) log('Warning: without --cert and --key, pictures and token travel unprotected.');
      await new Promise<void>((done) => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done());
      });
      await server.close();
    });
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new BeltsightError('CONFIG_INVALID', `${file} cannot be read: ${(cause as Error).message}.`, { cause });
  }
}
