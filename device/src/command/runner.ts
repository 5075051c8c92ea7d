import type { CommandName, ReplyMessage } from '@beltsight/sdk';

/** Where a request came from: `mqtt` and `sparkplug` are remote, `local` is the socket on the device itself. */
type CommandSource = 'mqtt' | 'sparkplug' | 'local';

/** Who asks, and by what name the request goes. */
export interface CommandOrigin {
  readonly source: CommandSource;
  /** The same id from the same source is carried out once; later it is answered with the same reply. */
  readonly id: string;
}

/**
 * Carries out commands, whichever way they came: checks arguments, authorisation and rate, does it, and writes it to the log. It
 * never rejects: what goes wrong is in the reply.
 */
export interface CommandRunner {
  /** @param args arguments as they came, unchecked */
  run<N extends CommandName>(name: N, args: unknown, from: CommandOrigin): Promise<ReplyMessage>;
}
