import { randomUUID } from 'node:crypto';
import { Command } from 'commander';
import { commandName, readArguments } from '../command/local/arguments.js';
import { callService } from '../command/local/call.js';
import { readDeviceConfig } from '../config/read.js';
import { between } from './flags.js';

interface Flags {
  readonly config: string;
  readonly id?: string;
  readonly timeout: number;
}

/** beltsight-device command: has the running service do something. */
export function commandCommand(): Command {
  return new Command('command')
    .description(
      'Have the running service do something: recipe, threshold, trigger, collect, pause, acknowledge, feedback, status, update',
    )
    .argument('<name>', 'the command')
    .argument('[key=value...]', 'its arguments; see docs/commands.md')
    .requiredOption('--config <file>', 'YAML configuration that the service runs with')
    .option('--id <id>', 'id of the request: the same one is carried out once; default: a new one')
    .option('--timeout <seconds>', 'how long to wait for the reply', between('--timeout', 0.1, 3600), 30)
    .addHelpText(
      'after',
      '\nPrints the reply; status 0 if it was done, 1 if not.\n\nExample:\n  beltsight-device command recipe --config device.yaml camera=belt class=bottle',
    )
    .action(async (text: string, words: string[], { config: file, id = randomUUID(), timeout }: Flags) => {
      const command = commandName(text);
      const args = readArguments(command, words);
      const { site, line, device, state } = await readDeviceConfig(file);
      const request = { schema: 'beltsight.command/1' as const, command, id, args, device: { site, line, device } };
      const reply = await callService(state, request, timeout * 1000);
      process.stdout.write(`${JSON.stringify(reply, null, 2)}\n`);
      if (!reply.ok) process.exitCode = 1;
    });
}
