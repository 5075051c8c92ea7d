import type { ReplyMessage } from '@beltsight/sdk';
import { BeltsightError, type CommandName, commandArguments, commandSchema, type DeviceTopics } from '@beltsight/sdk';
import type { IPublishPacket } from 'mqtt';
import type { Logger } from 'pino';
import { JSON_TEXT } from '../../publish/outbox.js';
import type { Publisher } from '../../publish/publisher.js';
import { Bucket } from '../bucket.js';
import { Grumble } from '../grumble.js';
import { failure } from '../reply.js';
import { readRequest } from '../request.js';
import type { CommandRunner } from '../runner.js';
import type { CommandsConfig } from '../schema.js';
import { type ReplyAddress, replyAddress } from './reply-address.js';

/** Messages of a topic that are looked at at all, as a multiple of the requests that may be carried out. */
const LOOKED_AT = 4;

export interface MqttCommandsParts {
  readonly config: Pick<CommandsConfig, 'allow' | 'perSecond' | 'burst' | 'responseTopics'>;
  readonly topics: DeviceTopics;
  readonly publisher: Pick<Publisher, 'subscribe' | 'say'>;
  readonly runner: CommandRunner;
  readonly logger: Pick<Logger, 'warn' | 'error'>;
  /** Milliseconds of a clock that only runs forward. */
  readonly now?: () => number;
}

/** Takes requests from `command/<name>`, one subscription for each command that may come from afar, and sends the replies. */
export class MqttCommands {
  readonly #grumble: Grumble;
  readonly #now: () => number;

  constructor(private readonly parts: MqttCommandsParts) {
    this.#now = parts.now ?? (() => performance.now());
    this.#grumble = new Grumble(parts.logger, this.#now);
  }

  /** Subscribes, now and whenever the connection comes back. */
  listen(): void {
    const { config, publisher, topics } = this.parts;
    const limits = { perSecond: config.perSecond * LOOKED_AT, burst: config.burst * LOOKED_AT };
    for (const name of Object.keys(commandArguments) as CommandName[]) {
      if (config.allow[name] !== 'remote') continue;
      const bucket = new Bucket(limits, this.#now);
      publisher.subscribe(topics.command(name), (packet) => this.#hear(name, packet, bucket));
    }
  }

  /** Never throws, and never rejects: what comes in is a stranger's. */
  #hear(name: CommandName, packet: IPublishPacket, bucket: Bucket): void {
    // It would be carried out at each connection.
    if (packet.retain) {
      this.#grumble.note('Retained commands were ignored: publish them without retain.', { name });
      return;
    }
    if (!bucket.take()) {
      this.#grumble.note('A flood of commands: some were not looked at.', { name });
      return;
    }
    this.#answer(name, packet).catch((error: unknown) => {
      this.parts.logger.error({ err: error }, `A reply to ${name} could not be sent: ${(error as Error).message}`);
    });
  }

  async #answer(name: CommandName, { payload, properties }: IPublishPacket): Promise<void> {
    const { topics, config, runner } = this.parts;
    const arrived = this.#now();
    const request = readRequest(Buffer.from(payload), commandSchema, Date.now());
    const id = 'message' in request ? request.message.id : request.id;
    const about = { command: name, id: id ?? '', latencyMs: () => this.#now() - arrived };
    let address: ReplyAddress | undefined;
    try {
      address = replyAddress(properties, id, topics, config.responseTopics);
      if ('problem' in request) throw request.problem;
      if (properties?.messageExpiryInterval === 0) {
        throw new BeltsightError('COMMAND_REFUSED', 'The request expired on its way: it is not carried out.');
      }
    } catch (error) {
      this.#grumble.note('Commands were refused: they are not as they should be.', { name, err: error });
      // Where the response topic is what is wrong, the device's own is left.
      const home = address ?? (id === undefined ? undefined : { topic: topics.reply(id) });
      if (home) this.#send(home, failure(about, error));
      return;
    }
    const reply = await runner.run(name, request.message.args, { source: 'mqtt', id: request.message.id });
    if (address) this.#send(address, reply);
  }

  #send({ topic, correlationData }: ReplyAddress, reply: ReplyMessage): void {
    this.parts.publisher.say(topic, Buffer.from(JSON.stringify(reply)), {
      qos: 1,
      properties: {
        ...JSON_TEXT,
        ...(correlationData === undefined ? {} : { correlationData }),
      },
    });
  }
}
