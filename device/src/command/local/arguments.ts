import { BeltsightError, type CommandName, commandArguments } from '@beltsight/sdk';

/** @throws BeltsightError ARGUMENT_INVALID naming the commands there are */
export function commandName(text: string): CommandName {
  if (Object.hasOwn(commandArguments, text)) return text as CommandName;
  const known = Object.keys(commandArguments).join(', ');
  throw new BeltsightError('ARGUMENT_INVALID', `There is no command "${text}"; there are ${known}.`);
}

/**
 * Reads `key=value` words of a command line. A value is taken as the text it is, or as JSON where only that fits the argument: numbers, true,
 * false, null.
 * @throws BeltsightError ARGUMENT_INVALID for a word without "=" or a key given twice; what is wrong with values the service says
 */
export function readArguments(name: CommandName, words: readonly string[]): Record<string, unknown> {
  const shape: Readonly<Record<string, { safeParse(value: unknown): { success: boolean } }>> =
    commandArguments[name].shape;
  const args = new Map<string, unknown>();
  for (const word of words) {
    const equals = word.indexOf('=');
    const [key, text] = [word.slice(0, equals), word.slice(equals + 1)];
    if (equals < 1 || args.has(key)) {
      const message = `"${word}": give each argument of ${name} once, as key=value (${Object.keys(shape).join(', ')}).`;
      throw new BeltsightError('ARGUMENT_INVALID', message);
    }
    const value = jsonOf(text);
    const schema = Object.hasOwn(shape, key) ? shape[key] : undefined;
    args.set(key, schema?.safeParse(value).success ? value : text);
  }
  return Object.fromEntries(args);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
