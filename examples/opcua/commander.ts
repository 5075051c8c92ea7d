import {
  BeltsightError,
  type CommandArguments,
  type CommandName,
  type CommandReply,
  type DeviceAddress,
  type InspectionClient,
} from '@beltsight/sdk';

/** Commands that may wait for an answer at once. */
const MAX_WAITING = 100;

/** A command got no answer. After a timeout the device may or may not have done it; `busy`: it was not sent. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  constructor(
    readonly reason: 'timeout' | 'busy',
    message: string,
  ) {
    super(message);
  }
}

/** Sends commands to devices, a bounded number at a time. */
export class Commander {
  #waiting = 0;

  constructor(
    private readonly client: InspectionClient,
    private readonly timeoutMs = 10_000,
  ) {}

  /**
   * Sends a command once and waits for the device's answer, which may be a refusal (`ok` is false).
   * @throws CommandError if no answer came in time, or too many are being waited for; BeltsightError BROKER_UNREACHABLE if the broker is
   * away (it is not sent later), ARGUMENT_INVALID
   */
  async send<N extends CommandName>(
    address: DeviceAddress,
    name: N,
    args: CommandArguments<N>,
  ): Promise<CommandReply<N>> {
    if (this.#waiting >= MAX_WAITING) {
      throw new CommandError('busy', `${MAX_WAITING} commands wait for an answer: try again later.`);
    }
    this.#waiting++;
    try {
      return await this.client.command(address, name, args, { timeoutMs: this.timeoutMs });
    } catch (error) {
      const timeout = error instanceof BeltsightError && error.code === 'COMMAND_TIMEOUT';
      throw timeout ? new CommandError('timeout', error.message) : error;
    } finally {
      this.#waiting--;
    }
  }
}
