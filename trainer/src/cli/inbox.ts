import { resolve } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { Command } from 'commander';
import { firstLineOf } from '../config-file.js';
import { openInbox } from '../inbox/receive.js';
import { serveInbox } from '../inbox/server.js';
import { type ListenFlags, listening, untilStopped, withListening } from './listening.js';

interface Flags extends ListenFlags {
  readonly out: string;
  readonly tokenFile: string;
}

/** A token that can be guessed protects nothing. */
const SHORTEST_TOKEN = 16;

/** beltsight inbox: takes the pictures that devices collect. */
export function inboxCommand(): Command {
  const command = new Command('inbox')
    .description('Receive pictures of good products from devices into a data set folder')
    .requiredOption('--out <folder>', 'data set folder, for beltsight train --data')
    .requiredOption('--token-file <file>', 'file whose first line senders must know, 16 characters or more');
  return withListening(command, '8090')
    .addHelpText(
      'after',
      '\nExample:\n  openssl rand -hex 32 > token\n  beltsight inbox --out products --token-file token --cert cert.pem --key key.pem',
    )
    .action(async ({ out, tokenFile, ...flags }: Flags) => {
      const token = await firstLineOf(tokenFile);
      if (token.length < SHORTEST_TOKEN) {
        throw new BeltsightError(
          'CONFIG_INVALID',
          `${tokenFile}: the first line has ${token.length} characters, a token needs ${SHORTEST_TOKEN}.`,
        );
      }
      const { address, ...where } = await listening(flags);
      const log = (line: string) => process.stderr.write(`${line}\n`);
      const server = await serveInbox({ inbox: await openInbox(resolve(out)), token, log, ...where });
      log(`Receiving into ${resolve(out)} on ${address(server.port)}. Ctrl-C ends.`);
      if (!where.tls) log('Warning: without --cert and --key, pictures and token travel unprotected.');
      await untilStopped();
      await server.close();
    });
}
