import { nearest } from '@beltsight/sdk';
import type { Command } from 'commander';

/**
 * Tells of an option that a command does not know before one that is missing: as a rule it is the missing one, mistyped. Commander looks
 * for missing ones first.
 */
export function mistypedFirst(command: Command): Command {
  command.commands.forEach(mistypedFirst);
  return command.configureOutput({
    outputError(text, write) {
      const [unknown] = command.args.find((word) => /^--?[a-z]/i.test(word))?.split('=') ?? [];
      if (unknown === undefined || !text.startsWith('error: required option')) return write(text);
      const near = nearest(
        unknown,
        command.options.flatMap(({ long }) => long ?? []),
      );
      write(`error: unknown option '${unknown}'\n${near === undefined ? '' : `(Did you mean ${near}?)\n`}`);
    },
  });
}
