import {
  type AlarmMessage,
  type CommandArguments,
  type CommandName,
  type CommandReply,
  type DeviceAddress,
  type FrameImage,
  type Heatmap,
  InspectionClient,
  type ParsedTopic,
  type ResultMessage,
  type StatusMessage,
} from '@beltsight/sdk';

/** What the session tells. */
export interface Listener {
  result(result: ResultMessage, topic: ParsedTopic): void;
  status(status: StatusMessage, topic: ParsedTopic): void;
  heatmap(heatmap: Heatmap, topic: ParsedTopic): void;
  frame(frame: FrameImage, topic: ParsedTopic): void;
  alarm(alarm: AlarmMessage, topic: ParsedTopic): void;
  /** `refused`: the broker wants other credentials; the session waits for them, and tries those it has again now and then. */
  connection(state: 'up' | 'down' | 'refused', reason?: string): void;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface SessionOptions {
  readonly broker: string;
  readonly site?: string | undefined;
  readonly line?: string | undefined;
  readonly device?: string | undefined;
}

/** Waits between attempts: they grow, and differ from screen to screen. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
/** After a refusal: so seldom that nobody takes it for guessing. */
const REFUSED_MS = 15_000;
/** A dead line is noticed within one and a half times that. */
const KEEPALIVE_S = 15;
const ANSWER_MS = 6000;
const COMMAND_MS = 5000;
/** "Bad user name or password" and "not authorised": MQTT 3.1.1 section 3.2.2.3, MQTT 5 section 3.2.2.2. */
const REFUSALS = [4, 5, 134, 135];

/** A connection that is made again for ever: one way for the first time, a broker that was away, and changed passwords. */
export class Session {
  #credentials: Credentials | undefined;
  #client: InspectionClient | undefined;
  #wake: () => void = () => undefined;

  constructor(
    private readonly options: SessionOptions,
    private readonly listener: Listener,
    credentials?: Credentials,
    private readonly wait: (ms: number) => Promise<void> = sleep,
  ) {
    this.#credentials = credentials;
  }

  /** Connects, and again whenever the connection is lost; never returns. */
  async run(): Promise<never> {
    let waitMs = FIRST_WAIT_MS;
    for (;;) {
      try {
        const { lost } = await this.#connect();
        waitMs = FIRST_WAIT_MS;
        this.listener.connection('up');
        await lost;
        this.listener.connection('down', 'The connection was lost.');
      } catch (error) {
        const refused = isRefusal(error);
        this.listener.connection(refused ? 'refused' : 'down', (error as Error).message);
        if (refused) await this.#otherCredentials();
      }
      await this.wait(waitMs * (0.5 + Math.random() / 2));
      waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2);
    }
  }

  /** Tries again with these. */
  signIn(credentials: Credentials): void {
    this.#credentials = credentials;
    this.#wake();
  }

  /** Rejects where there is no connection, or the device does not answer. */
  async command<N extends CommandName>(
    address: DeviceAddress,
    name: N,
    args: CommandArguments<N>,
  ): Promise<CommandReply<N>> {
    if (!this.#client) throw new Error('The broker is gone: try again when it is back.');
    return this.#client.command(address, name, args, { timeoutMs: COMMAND_MS });
  }

  /** Resolves when a person gave some; where there are any, after a while as well: a broker may be up before it knows its users. */
  async #otherCredentials(): Promise<void> {
    const given = new Promise<void>((resolve) => (this.#wake = resolve));
    await (this.#credentials ? Promise.race([given, this.wait(REFUSED_MS)]) : given);
  }

  /** Resolves when everything is subscribed; `lost` when the connection is gone again. */
  async #connect(): Promise<{ readonly lost: Promise<void> }> {
    const { broker, ...address } = this.options;
    // This loop reconnects, so that new credentials and a broker of another version are met in one way.
    const mqtt = { reconnectPeriod: 0, keepalive: KEEPALIVE_S, ...this.#credentials };
    const { listener } = this;
    const client = await InspectionClient.connect(broker, { ...defined(address), mqtt, timeoutMs: ANSWER_MS });
    const lost = new Promise<void>((resolve) => {
      client.on('connection', (up) => {
        if (!up) resolve();
      });
    });
    client.on('result', (result, topic) => listener.result(result, topic));
    client.on('status', (status, topic) => listener.status(status, topic));
    client.on('heatmap', (heatmap, topic) => listener.heatmap(heatmap, topic));
    client.on('frame', (frame, topic) => listener.frame(frame, topic));
    client.on('alarm', (alarm, topic) => listener.alarm(alarm, topic));
    this.#client = client;
    void lost.then(() => {
      this.#client = undefined;
      void client.close().catch(() => undefined);
    });
    return { lost };
  }
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const defined = ({ site, line, device }: Omit<SessionOptions, 'broker'>) => ({
  ...(site === undefined ? {} : { site }),
  ...(line === undefined ? {} : { line }),
  ...(device === undefined ? {} : { device }),
});

/** Whether an error, or what caused it, is the broker's "not with these credentials". */
function isRefusal(error: unknown): boolean {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  return REFUSALS.includes(code as number) || (cause !== undefined && isRefusal(cause));
}
