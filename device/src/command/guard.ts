import { createHash } from 'node:crypto';
import { BeltsightError, type CommandName, commandArguments, type ReplyMessage } from '@beltsight/sdk';
import type { Logger } from 'pino';
import { Bucket } from './bucket.js';
import type { Effects } from './effects/effects.js';
import { Grumble } from './grumble.js';
import { problemsOf } from './problems.js';
import type { RememberedRequests } from './remembered.js';
import { failure, success } from './reply.js';
import type { CommandOrigin, CommandRunner } from './runner.js';
import type { CommandsConfig } from './schema.js';

/** Requests in work at once, over all commands. */
const IN_WORK = 32;

/**
 * How a request is kept from being carried out twice. `first`: it is on the disk before it is carried out, one after the other, as it
 * changes what lasts. `later`: noted as well, but a trigger does not wait for the disk. `never`: no harm in twice.
 */
const NOTED: Readonly<Record<CommandName, 'first' | 'later' | 'never'>> = {
  recipe: 'first',
  threshold: 'first',
  collect: 'first',
  pause: 'first',
  acknowledge: 'first',
  update: 'first',
  feedback: 'first',
  trigger: 'later',
  status: 'never',
};

export interface GuardParts {
  readonly effects: Effects;
  readonly config: Pick<CommandsConfig, 'allow' | 'perSecond' | 'burst'>;
  readonly requests: RememberedRequests;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Milliseconds of a clock that only runs forward. */
  readonly now?: () => number;
}

/** Lets through what is allowed, known, well-formed, not too frequent and new; everything that was asked goes to the log with what became of it. */
export class GuardedRunner implements CommandRunner {
  readonly #buckets = new Map<string, Bucket>();
  readonly #grumble: Grumble;
  readonly #now: () => number;
  #inWork = 0;
  #inTurn: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: GuardParts) {
    this.#now = parts.now ?? (() => performance.now());
    this.#grumble = new Grumble(parts.logger, this.#now);
  }

  async run<N extends CommandName>(name: N, args: unknown, from: CommandOrigin): Promise<ReplyMessage> {
    const arrived = this.#now();
    const about = { command: name, id: from.id, latencyMs: () => this.#now() - arrived };
    try {
      return await this.#answer(name, args, from, about);
    } catch (error) {
      const reply = failure(about, error);
      if (reply.error?.code === 'COMMAND_BUSY')
        this.#grumble.note('Commands were refused: too many.', audit(from, name));
      else this.parts.logger.warn({ ...audit(from, name), error: reply.error }, `Command ${name} refused.`);
      return reply;
    }
  }

  async #answer<N extends CommandName>(
    name: N,
    args: unknown,
    from: CommandOrigin,
    about: Parameters<typeof success>[0],
  ): Promise<ReplyMessage> {
    const { requests } = this.parts;
    this.#authorise(name, from);
    const parsed = commandArguments[name].safeParse(args);
    if (!parsed.success) {
      throw new BeltsightError('ARGUMENT_INVALID', `The arguments of ${name} are wrong: ${problemsOf(parsed.error)}.`);
    }
    const key = `${from.source}/${from.id}`;
    const digest = digestOf(name, parsed.data);
    const known = requests.find(key);
    if (known?.digest === digest) {
      this.#grumble.note(
        'Requests were delivered again, and answered with the reply of the first time.',
        audit(from, name),
      );
      return known.reply;
    }
    if (known) {
      const message = `Request id "${from.id}" was used for another request: give each its own, such as a UUID.`;
      throw new BeltsightError('COMMAND_REFUSED', message);
    }
    this.#limit(name, from);
    this.#inWork++;
    try {
      // Noted in memory at once: the same request may come again while this one waits for its turn.
      const noted = NOTED[name] === 'never' ? undefined : requests.begin(key, digest, NOTED[name] === 'first');
      const carryOut = async () => {
        await noted;
        const reply = await this.#carryOut(name, parsed.data, about);
        if (noted) requests.end(key, reply);
        const { ok, error, latencyMs } = reply;
        this.parts.logger.info({ ...audit(from, name), args: parsed.data, ok, error, latencyMs }, `Command ${name}.`);
        return reply;
      };
      return await (NOTED[name] === 'first' ? this.#inOrder(carryOut) : carryOut());
    } finally {
      this.#inWork--;
    }
  }

  #authorise(name: CommandName, { source }: CommandOrigin): void {
    if (!Object.hasOwn(commandArguments, name)) {
      const known = Object.keys(commandArguments).join(', ');
      throw new BeltsightError('ARGUMENT_INVALID', `There is no command "${short(name)}"; there are ${known}.`);
    }
    const allowed = this.parts.config.allow[name];
    if (allowed === 'remote' || (allowed === 'local' && source === 'local')) return;
    const how =
      allowed === 'local'
        ? 'it is taken from the device itself alone (beltsight-device command)'
        : 'it is switched off';
    throw new BeltsightError('COMMAND_REFUSED', `Command ${name} is not allowed: ${how}; commands.allow decides.`);
  }

  #limit(name: CommandName, { source }: CommandOrigin): void {
    const place = `${source}/${name}`;
    const bucket = this.#buckets.get(place) ?? new Bucket(this.parts.config, this.#now);
    this.#buckets.set(place, bucket);
    if (this.#inWork >= IN_WORK) {
      throw new BeltsightError('COMMAND_BUSY', `${IN_WORK} requests are in work: wait for their replies.`);
    }
    if (bucket.take()) return;
    const { perSecond } = this.parts.config;
    const message = `More than ${perSecond} requests of ${name} a second: send fewer, or raise commands.perSecond.`;
    throw new BeltsightError('COMMAND_BUSY', message);
  }

  /** One after the other: the last to come has the last word. */
  #inOrder<T>(carryOut: () => Promise<T>): Promise<T> {
    const result = this.#inTurn.then(carryOut);
    this.#inTurn = result.catch(() => undefined);
    return result;
  }

  async #carryOut<N extends CommandName>(
    name: N,
    args: unknown,
    about: Parameters<typeof success>[0],
  ): Promise<ReplyMessage> {
    try {
      const effect = this.parts.effects[name] as (args: unknown) => unknown;
      return success(about, await effect(args));
    } catch (error) {
      if (!(error instanceof BeltsightError)) this.parts.logger.error({ err: error }, `Command ${name} failed.`);
      return failure(about, error);
    }
  }
}

const audit = ({ source, id }: CommandOrigin, command: string) => ({
  audit: true,
  source,
  id: short(id),
  command: short(command),
});

const short = (text: string) => String(text).slice(0, 64);

/** Arguments come from the schema, keys in its order. */
function digestOf(name: CommandName, args: unknown): string {
  return createHash('sha256')
    .update(`${name} ${JSON.stringify(args)}`)
    .digest('base64url');
}
