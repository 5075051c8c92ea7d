import type { IClientPublishOptions, MqttClient } from 'mqtt';
import { BeltsightError } from '../errors.js';
import {
  type CommandArguments,
  type CommandName,
  type CommandValue,
  commandValues,
  type ReplyMessage,
} from '../messages/command.js';
import { type DeviceAddress, topicsOf } from '../topics.js';

/** What a device answered to a command. */
export type CommandReply<N extends CommandName> = Omit<ReplyMessage, 'ok' | 'value' | 'error'> &
  (
    | { readonly ok: true; readonly value: CommandValue<N> }
    /** `code` as in BeltsightError, where this version knows it; `message` for people. */
    | { readonly ok: false; readonly error: { readonly code: string; readonly message: string } }
  );

export interface CommandOptions {
  /** How long to wait for the reply; default 10 s. */
  readonly timeoutMs?: number;
  /** Id of the request; the device carries the same one out once. Default: a new one. */
  readonly id?: string;
}

/** Requests to devices that wait for their replies. */
export class CommandRequests {
  readonly #waiting = new Map<string, (reply: ReplyMessage) => void>();

  constructor(private readonly client: MqttClient) {}

  /** Whoever waits for a reply on the topic hears it. */
  hear(topic: string, reply: ReplyMessage): void {
    this.#waiting.get(topic)?.(reply);
  }

  /**
   * A command that fails here is not sent later.
   * @throws BeltsightError COMMAND_TIMEOUT, BROKER_UNREACHABLE, MESSAGE_INVALID, ARGUMENT_INVALID
   */
  async ask<N extends CommandName>(
    address: DeviceAddress,
    name: N,
    args: CommandArguments<N>,
    { timeoutMs = 10_000, id = randomId() }: CommandOptions = {},
  ): Promise<CommandReply<N>> {
    const topics = topicsOf(address);
    const responseTopic = topics.reply(id);
    const payload = JSON.stringify({ schema: 'beltsight.command/1', id, args });
    // The broker forgets a request that nobody waits for any more.
    const properties = {
      responseTopic,
      messageExpiryInterval: Math.ceil(timeoutMs / 1000),
      contentType: 'application/json',
    };
    // The MQTT client would keep the command and send it once the broker is back, when nobody expects it any more.
    if (!this.client.connected) {
      const message = `The MQTT broker is away, so command ${name} was not sent: try again when it is back.`;
      throw new BeltsightError('BROKER_UNREACHABLE', message);
    }
    const replied = this.#reply(responseTopic, timeoutMs, `${address.site}/${address.line}/${address.device}`, name);
    // In this order to the broker: no reply can come before somebody listens.
    const listening = this.client.subscribeAsync(responseTopic, { qos: 1 });
    const command = this.#publish(topics.command(name), payload, properties);
    try {
      const sent = Promise.all([listening, command.taken]).catch((cause: unknown) => {
        const message = `The broker does not take command ${name} or its reply (${(cause as Error).message}): check the rights of the user.`;
        throw new BeltsightError('BROKER_UNREACHABLE', message, { cause });
      });
      // While the broker is away neither settles: the time runs all the same.
      sent.catch(() => undefined);
      return typed(name, await Promise.race([replied.reply, sent.then(() => replied.reply)]));
    } finally {
      replied.forget();
      command.withdraw();
      // With the broker away, too: it would be subscribed to again with every later connection.
      this.client.unsubscribe(responseTopic, () => undefined);
    }
  }

  /** `withdraw`: what the broker has not taken by then, it does not get after the next connection either. */
  #publish(topic: string, payload: string, properties: IClientPublishOptions['properties']) {
    let inFlight: number | undefined;
    const taken = new Promise<void>((resolve, reject) => {
      const options: IClientPublishOptions = {
        qos: 1,
        ...(this.client.options.protocolVersion === 5 ? { properties } : {}),
        cbStorePut: () => {
          inFlight = this.client.getLastMessageId();
        },
      };
      this.client.publish(topic, payload, options, (error) => {
        // Another message may get the number from here on.
        inFlight = undefined;
        if (error) reject(error);
        else resolve();
      });
    });
    const withdraw = () => {
      // A client that was closed sends nothing, and has lost its store.
      if (inFlight !== undefined && !this.client.disconnected) this.client.removeOutgoingMessage(inFlight);
    };
    return { taken, withdraw };
  }

  #reply(topic: string, timeoutMs: number, device: string, name: string) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const reply = new Promise<ReplyMessage>((resolve, reject) => {
      this.#waiting.set(topic, resolve);
      timer = setTimeout(() => {
        const message = `Device ${device} has not answered command ${name} within ${timeoutMs} ms: is it online, and does its commands.allow take ${name} from afar?`;
        reject(new BeltsightError('COMMAND_TIMEOUT', message));
      }, timeoutMs);
    });
    reply.catch(() => undefined);
    const forget = () => {
      clearTimeout(timer);
      this.#waiting.delete(topic);
    };
    return { reply, forget };
  }
}

function typed<N extends CommandName>(name: N, { ok, value, error, ...head }: ReplyMessage): CommandReply<N> {
  if (!ok) {
    return { ...head, ok, error: error ?? { code: 'COMMAND_FAILED', message: 'The device does not say why.' } };
  }
  const parsed = commandValues[name].safeParse(value);
  if (parsed.success) return { ...head, ok, value: parsed.data as CommandValue<N> };
  const message = `The reply to ${name} is not as this version knows it: ${parsed.error.issues[0]?.message ?? ''}`;
  throw new BeltsightError('MESSAGE_INVALID', message, { cause: parsed.error });
}

/** 128 random bits; randomUUID is not there in pages that come without TLS. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
