import { resolve } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { Command } from 'commander';
import { isInboxAddress, upload } from '../collect/upload.js';
import { firstLineOf } from '../secret-file.js';
import { abortOnSignal } from './flags.js';

interface Flags {
  readonly from: string;
  readonly to: string;
  readonly tokenFile: string;
}

/** beltsight-device upload: collected pictures to the trainer's inbox. */
export function uploadCommand(): Command {
  return new Command('upload')
    .description('Send collected pictures to an inbox (beltsight inbox on the machine that trains)')
    .requiredOption('--from <folder>', 'data set folder of collect')
    .requiredOption('--to <url>', 'address of the inbox, such as https://trainer:8090')
    .requiredOption('--token-file <file>', 'file whose first line the inbox knows')
    .addHelpText(
      'after',
      '\nPictures that are there already are not sent again. A private certificate authority is named by NODE_EXTRA_CA_CERTS.\n\nExample:\n  beltsight-device upload --from products --to https://trainer:8090 --token-file token',
    )
    .action(async ({ from, to, tokenFile }: Flags) => {
      const options = {
        folder: resolve(from),
        url: addressOf(to),
        token: await firstLineOf(tokenFile, '--token-file'),
      };
      const { total, sent, known } = await upload(
        { ...options, sent: (p) => process.stderr.write(`\r${p.sent + p.known} of ${p.total} pictures `) },
        abortOnSignal(),
      );
      process.stderr.write(`\n${sent} pictures sent, ${known} were there already, of ${total}.\n`);
      if (sent + known < total) process.exitCode = 130;
    });
}

function addressOf(text: string): string {
  if (isInboxAddress(text)) return text;
  throw new BeltsightError('ARGUMENT_INVALID', `--to ${text}: give an address such as https://trainer:8090.`);
}
