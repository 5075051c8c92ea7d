import { nearest } from '../nearest.js';

/** What is used of a command of the package commander. */
interface Command {
  readonly commands: readonly Command[];
  readonly args: readonly string[];
  readonly options: readonly { readonly long?: string | undefined }[];
  configureOutput(output: { outputError(text: string, write: (text: string) => void): void }): unknown;
}

/**
 * Tells of an option that a command does not know before one that is missing: as a rule it is the missing one, mistyped. Commander looks
 * for missing ones first.
 * @returns the command, with all below it
 */
export function mistypedFirst<T extends Command>(command: T): T {
  command.commands.forEach(mistypedFirst);
  command.configureOutput({
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
  return command;
}
