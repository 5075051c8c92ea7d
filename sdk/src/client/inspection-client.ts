import type { IClientOptions, MqttClient } from 'mqtt';
import { BeltsightError } from '../errors.js';
import { decodeHeatmap, type Heatmap } from '../heatmap/codec.js';
import { type AlarmMessage, alarmSchema, type RejectMessage, rejectSchema } from '../messages/alarm.js';
import { type CommandArguments, type CommandName, type ReplyMessage, replySchema } from '../messages/command.js';
import { jpegId } from '../messages/frame.js';
import { type ResultMessage, resultSchema } from '../messages/result.js';
import { type StatusMessage, statusSchema } from '../messages/status.js';
import { type DeviceAddress, type ParsedTopic, parseTopic, rootFilter } from '../topics.js';
import { connectMqtt } from './connect.js';
import { withoutPassword } from './problem.js';
import { type CommandOptions, type CommandReply, CommandRequests } from './requests.js';

/** Results with an id among so many last ones are duplicates (QoS 1 delivers at least once). */
const REMEMBERED_IDS = 10_000;

/** A JPEG of an inspected frame. */
export interface FrameImage {
  /** Id of the result it belongs to. */
  readonly id: string;
  readonly jpeg: Uint8Array;
}

/** A message that does not honour its schema: it is from another program or another version. */
export interface InvalidMessage {
  readonly topic: string;
  readonly reason: string;
}

export interface InspectionEvents {
  result: (message: ResultMessage, topic: ParsedTopic) => void;
  status: (message: StatusMessage, topic: ParsedTopic) => void;
  heatmap: (heatmap: Heatmap, topic: ParsedTopic) => void;
  frame: (frame: FrameImage, topic: ParsedTopic) => void;
  /** Raised, acknowledged or cleared; retained, so the last one of each camera comes at the start. */
  alarm: (message: AlarmMessage, topic: ParsedTopic) => void;
  /** A product is at the ejector; each signal once. */
  reject: (message: RejectMessage, topic: ParsedTopic) => void;
  /** A reply to a command of this client, or of any with the option `replies`. */
  reply: (message: ReplyMessage, topic: ParsedTopic) => void;
  invalid: (message: InvalidMessage) => void;
  /** The connection is back, or gone. */
  connection: (connected: boolean) => void;
  /** A handler of the application threw. */
  error: (error: unknown) => void;
}

export interface InspectionClientOptions extends Partial<DeviceAddress> {
  /** Receive heatmaps and frames too; default true. */
  readonly pictures?: boolean;
  /** Hear the replies to the commands of others, too; default false. */
  readonly replies?: boolean;
  readonly mqtt?: IClientOptions;
  readonly timeoutMs?: number;
}

/**
 * What an application sees of Beltsight devices: typed, checked messages, each result once. Levels of the address that are not
 * given match all. Works in Node and, over WebSocket, in a browser.
 *
 * ```ts
 * const client = await InspectionClient.connect('mqtt://broker:1883', { site: 'plant1' });
 * client.on('result', ({ verdict, class: product }) => console.log(verdict, product.name));
 * ```
 */
export class InspectionClient {
  readonly #handlers = new Map<keyof InspectionEvents, Set<(...args: never[]) => void>>();
  readonly #ids = new Set<string>();
  readonly #requests: CommandRequests;
  /** What comes before the application can listen: retained messages come in one piece with the answer to the subscription. */
  #early: [topic: string, payload: Uint8Array][] | undefined = [];

  private constructor(private readonly client: MqttClient) {
    this.#requests = new CommandRequests(client);
    client.on('message', (topic, payload) => {
      if (this.#early) this.#early.push([topic, payload]);
      else this.#receive(topic, payload);
    });
    client.on('connect', () => this.#emit('connection', true));
    client.on('close', () => this.#emit('connection', false));
  }

  /**
   * Handlers that are given in the same turn miss nothing.
   * @throws BeltsightError BROKER_UNREACHABLE if there is no broker or it refuses the subscription; ARGUMENT_INVALID for an
   * address that no topic can have
   */
  static async connect(url: string, options: InspectionClientOptions = {}): Promise<InspectionClient> {
    const { site, line, device, pictures = true, replies = false, timeoutMs } = options;
    const root = rootFilter({ site, line, device });
    const client = await connectMqtt(url, options.mqtt, { timeoutMs });
    const inspection = new InspectionClient(client);
    const kinds = ['result', 'alarm', 'reject', ...(pictures ? ['heatmap', 'frame'] : [])];
    const topics = [`${root}/status`, ...kinds.map((kind) => `${root}/camera/+/${kind}`)];
    try {
      await client.subscribeAsync(replies ? [...topics, `${root}/reply/+`] : topics, { qos: 1 });
    } catch (cause) {
      client.end(true);
      const message = `The broker at ${withoutPassword(url)} refuses the subscription (${(cause as Error).message}): check the rights of the user.`;
      throw new BeltsightError('BROKER_UNREACHABLE', message, { cause });
    }
    setTimeout(() => inspection.#listen());
    return inspection;
  }

  get connected(): boolean {
    return this.client.connected;
  }

  /** Calls `handler` on every event; the function returned ends that. */
  on<E extends keyof InspectionEvents>(event: E, handler: InspectionEvents[E]): () => void {
    const handlers = this.#handlers.get(event) ?? new Set();
    this.#handlers.set(event, handlers);
    handlers.add(handler);
    return () => handlers.delete(handler);
  }

  /**
   * Has a device do something, and waits for its reply. What the device refuses is in the reply (`ok` is false).
   *
   * ```ts
   * const reply = await client.command({ site: 'plant1', line: 'line1', device: 'jetson7' }, 'trigger', { camera: 'belt' });
   * if (reply.ok) console.log(reply.value.verdict, reply.latencyMs);
   * ```
   * A command that failed is not sent later.
   * @throws BeltsightError COMMAND_TIMEOUT if there is no reply in time (the device is away, or does not take this command from afar),
   * BROKER_UNREACHABLE if the broker is away or refuses it, MESSAGE_INVALID if the reply is of another version, ARGUMENT_INVALID
   * for an address or id that no topic can have
   */
  command<N extends CommandName>(
    address: DeviceAddress,
    name: N,
    args: CommandArguments<N>,
    options?: CommandOptions,
  ): Promise<CommandReply<N>> {
    return this.#requests.ask(address, name, args, options);
  }

  async close(): Promise<void> {
    await this.client.endAsync(true);
  }

  #emit<E extends keyof InspectionEvents>(event: E, ...args: Parameters<InspectionEvents[E]>): void {
    for (const handler of this.#handlers.get(event) ?? []) {
      try {
        (handler as (...args: unknown[]) => void)(...args);
      } catch (error) {
        // One application's mistake must not cost the others their messages.
        if (event === 'error') console.error(error);
        else this.#emit('error', error);
      }
    }
  }

  #listen(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const message of early) this.#receive(...message);
  }

  #receive(topic: string, payload: Uint8Array): void {
    const parsed = parseTopic(topic);
    if (!parsed) return;
    try {
      this.#deliver(topic, parsed, payload);
    } catch (error) {
      this.#emit('invalid', { topic, reason: (error as Error).message });
    }
  }

  #deliver(address: string, topic: ParsedTopic, payload: Uint8Array): void {
    const json = () => JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)) as unknown;
    switch (topic.kind) {
      case 'result': {
        const message = resultSchema.parse(json());
        if (this.#isNew(message.id)) this.#emit('result', message, topic);
        return;
      }
      case 'status':
        this.#emit('status', statusSchema.parse(json()), topic);
        return;
      case 'alarm':
        this.#emit('alarm', alarmSchema.parse(json()), topic);
        return;
      case 'reject': {
        const message = rejectSchema.parse(json());
        if (this.#isNew(message.id)) this.#emit('reject', message, topic);
        return;
      }
      case 'reply': {
        const message = replySchema.parse(json());
        this.#requests.hear(address, message);
        this.#emit('reply', message, topic);
        return;
      }
      case 'heatmap':
        this.#emit('heatmap', decodeHeatmap(payload), topic);
        return;
      case 'frame': {
        const id = jpegId(payload);
        if (id === undefined) throw new BeltsightError('MESSAGE_INVALID', 'The frame is no JPEG with a result id.');
        this.#emit('frame', { id, jpeg: payload }, topic);
        return;
      }
    }
  }

  #isNew(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    const [oldest] = this.#ids;
    if (this.#ids.size > REMEMBERED_IDS && oldest !== undefined) this.#ids.delete(oldest);
    return true;
  }
}
