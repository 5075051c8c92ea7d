import {
  type AlarmMessage,
  alarmSchema,
  type CommandArguments,
  connectMqtt,
  type DeviceAddress,
  type ParsedTopic,
  parseTopic,
  type ReplyMessage,
  replySchema,
  topicsOf,
} from '@beltsight/sdk';

type MqttClient = Awaited<ReturnType<typeof connectMqtt>>;
type MqttOptions = NonNullable<Parameters<typeof connectMqtt>[1]>;

/** Alarms, and the one command that this page gives: a connection beside that of InspectionClient. */
export class AlarmLink {
  readonly #waiting = new Map<string, (reply: ReplyMessage) => void>();

  private constructor(
    private readonly client: MqttClient,
    private readonly heard: (alarm: AlarmMessage, topic: ParsedTopic) => void,
  ) {
    client.on('message', (topic, payload) => this.#receive(topic, payload));
  }

  /** @throws BeltsightError BROKER_UNREACHABLE */
  static async connect(
    url: string,
    { site = '+', line = '+', device = '+' }: { [Level in keyof DeviceAddress]?: string | undefined },
    options: MqttOptions,
    heard: (alarm: AlarmMessage, topic: ParsedTopic) => void,
  ): Promise<AlarmLink> {
    const client = await connectMqtt(url, options);
    const link = new AlarmLink(client, heard);
    await client.subscribeAsync(`beltsight/1/${site}/${line}/${device}/camera/+/alarm`, { qos: 1 });
    return link;
  }

  /** Rejects where the device does not answer in time */
  async acknowledge(
    address: DeviceAddress,
    args: CommandArguments<'acknowledge'>,
    timeoutMs: number,
  ): Promise<ReplyMessage> {
    const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
      byte.toString(16).padStart(2, '0'),
    ).join('');
    const topics = topicsOf(address);
    const topic = topics.reply(id);
    try {
      const reply = new Promise<ReplyMessage>((resolve, reject) => {
        this.#waiting.set(topic, resolve);
        const silence = `The device has not answered within ${timeoutMs / 1000} s: is it online, and may this page acknowledge?`;
        setTimeout(() => reject(new Error(silence)), timeoutMs);
      });
      reply.catch(() => undefined);
      await this.client.subscribeAsync(topic, { qos: 1 });
      const payload = JSON.stringify({ schema: 'beltsight.command/1', id, args });
      await this.client.publishAsync(topics.command('acknowledge'), payload, { qos: 1 });
      return await reply;
    } finally {
      this.#waiting.delete(topic);
      if (this.client.connected) this.client.unsubscribe(topic);
    }
  }

  async close(): Promise<void> {
    await this.client.endAsync(true);
  }

  #receive(topic: string, payload: Uint8Array): void {
    const parsed = parseTopic(topic);
    const json = () => JSON.parse(new TextDecoder().decode(payload)) as unknown;
    try {
      if (parsed?.kind === 'alarm') this.heard(alarmSchema.parse(json()), parsed);
      if (parsed?.kind === 'reply') this.#waiting.get(topic)?.(replySchema.parse(json()));
    } catch {
      // Not from a Beltsight device: InspectionClient counts what is invalid.
    }
  }
}
