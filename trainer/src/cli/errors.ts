import { BeltsightError } from '@beltsight/sdk';

/** Prints an error for people and returns the exit status. The stack is for BELTSIGHT_DEBUG=1 alone. */
export function reportError(error: unknown, output: NodeJS.WritableStream = process.stderr): number {
  const debug = process.env.BELTSIGHT_DEBUG === '1';
  if (error instanceof BeltsightError) {
    output.write(`\n${error.code}: ${error.message}\n`);
  } else {
    const message = error instanceof Error ? error.message : String(error);
    output.write(`\nUnexpected error: ${message}\nSet BELTSIGHT_DEBUG=1 for details and report it.\n`);
  }
  if (debug && error instanceof Error)
    output.write(`${error.stack}\n${error.cause ? `cause: ${String(error.cause)}\n` : ''}`);
  return 1;
}
