import { randomUUID } from 'node:crypto';
import {
  type CommandArguments,
  type CommandName,
  connectMqtt,
  type DeviceAddress,
  type ReplyMessage,
  replySchema,
  topicsOf,
} from '@beltsight/sdk';
import type { MqttClient } from 'mqtt';

/** Commands that may wait for an answer at once. */
const MAX_WAITING = 100;

/** A command got no answer. After a timeout the device may or may not have done it; otherwise it was not sent. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  constructor(
    readonly reason: 'timeout' | 'busy' | 'offline',
    message: string,
  ) {
    super(message);
  }
}

/** Sends commands to devices and hands out their replies. */
export class Commander {
  readonly #waiting = new Map<string, (reply: ReplyMessage) => void>();

  private constructor(
    private readonly client: MqttClient,
    private readonly timeoutMs: number,
  ) {
    client.on('message', (topic, payload) => this.#receive(topic, payload));
  }

  /** @throws BeltsightError BROKER_UNREACHABLE */
  static async connect(url: string, timeoutMs = 10_000): Promise<Commander> {
    return new Commander(await connectMqtt(url), timeoutMs);
  }

  /**
   * Sends a command once and waits for the device's answer, which may be a refusal (`ok` is false).
   * @throws CommandError if no answer came in time, too many are being waited for, or the broker is away; BeltsightError ARGUMENT_INVALID
   */
  async send<N extends CommandName>(address: DeviceAddress, name: N, args: CommandArguments<N>): Promise<ReplyMessage> {
    if (this.#waiting.size >= MAX_WAITING) {
      throw new CommandError('busy', `${MAX_WAITING} commands wait for an answer: try again later.`);
    }
    // The MQTT client would keep it and send it later, when nobody expects it any more.
    if (!this.client.connected) throw new CommandError('offline', 'The MQTT broker is away: try again later.');
    const id = randomUUID();
    const topics = topicsOf(address);
    const replyTopic = topics.reply(id);
    let timer: NodeJS.Timeout | undefined;
    try {
      await this.client.subscribeAsync(replyTopic, { qos: 1 });
      const reply = new Promise<ReplyMessage>((resolve, reject) => {
        this.#waiting.set(replyTopic, resolve);
        timer = setTimeout(() => reject(this.#silence(name, address)), this.timeoutMs);
      });
      // Two ways to end: whichever comes second must not become an unhandled rejection.
      reply.catch(() => undefined);
      const command = { schema: 'beltsight.command/1', id, args };
      const sent = this.client.publishAsync(topics.command(name), JSON.stringify(command), { qos: 1 });
      sent.catch(() => undefined);
      return await reply;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(replyTopic);
      if (this.client.connected) void this.client.unsubscribeAsync(replyTopic).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    await this.client.endAsync(true);
  }

  #silence(name: string, { site, line, device }: DeviceAddress): CommandError {
    const message = `${site}/${line}/${device} did not answer "${name}" within ${this.timeoutMs / 1000} s: check that it is online and allows this command.`;
    return new CommandError('timeout', message);
  }

  #receive(topic: string, payload: Uint8Array): void {
    const resolve = this.#waiting.get(topic);
    if (!resolve) return;
    const reply = replySchema.safeParse(parse(payload));
    if (reply.success) resolve(reply.data);
  }
}

function parse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return undefined;
  }
}
