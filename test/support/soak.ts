import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connectMqtt } from '@beltsight/sdk';
import { freePort, type Running, start } from './processes.js';

export interface SoakPlan {
  readonly results: number;
  readonly brokerKills: number;
  readonly processKills: number;
  /** Results that the producer hands over in one go. */
  readonly burst: number;
  readonly log?: (line: string) => void;
}

const MISSING_SHOWN = 50;

export interface SoakReport {
  readonly seconds: number;
  /** Results a second between the first arrival and the last. */
  readonly rateHz: number;
  /** Different results that arrived. */
  readonly arrived: number;
  /** Results that the spool had accepted, and that never arrived. */
  readonly lost: number;
  /** Results handed over at the moment of a kill, not yet in the spool, that never arrived. */
  readonly cutOff: number;
  /** Arrivals of results that had arrived before: at least once. */
  readonly repeated: number;
  /** Results that arrived for the first time after a later one. */
  readonly outOfOrder: number;
  readonly brokerKills: number;
  readonly processKills: number;
  /** Resident memory of the producer, in bytes, of all samples. */
  readonly memory: readonly number[];
  /** Messages that the spool gave up, by cause. */
  readonly dropped: Readonly<Record<string, number>>;
  /** The first numbers of results that never arrived. */
  readonly missing: readonly number[];
}

/**
 * Sends numbered results through spool and broker (mosquitto, QoS 1) to one subscriber, while broker and producer are killed
 * (SIGKILL) at random moments spread over the run, and says what arrived.
 */
export async function soak(plan: SoakPlan): Promise<SoakReport> {
  const folder = await mkdtemp(join(tmpdir(), 'beltsight-soak-'));
  const broker = await Broker.start(folder);
  const arrivals = new Arrivals(plan.results);
  const subscriber = await connectMqtt(broker.url, {
    clientId: 'subscriber',
    clean: false,
    properties: { sessionExpiryInterval: 0xffffffff },
    reconnectPeriod: 50,
  });
  subscriber.on('message', (_topic, payload) => arrivals.add(Number(payload.toString('latin1', 0, 10).split('.')[0])));
  // It answers nothing: an acknowledgement that meets a killed broker would throw away what lies in the socket unread.
  await subscriber.subscribeAsync('beltsight/#', { qos: 0 });
  await broker.keepSessions();
  const producer = new Producer(plan, join(folder, 'spool'), broker.url);
  const begin = performance.now();
  try {
    const kills = [
      ...spread(plan.brokerKills, plan.results).map((at) => ({ at, what: 'broker' as const })),
      ...spread(plan.processKills, plan.results).map((at) => ({ at, what: 'process' as const })),
    ].sort((a, b) => a.at - b.at);
    producer.run();
    for (const { at, what } of kills) {
      while (arrivals.highest < at && producer.busy) await sleep(5);
      if (what === 'broker') {
        await broker.restart();
        while (!subscriber.connected) await sleep(5);
      } else await producer.restart();
      plan.log?.(`${what} killed at ${arrivals.highest} of ${plan.results}`);
    }
    while (producer.busy) await sleep(20);
    await quiet(arrivals);
    const { lost, cutOff, missing } = producer.missing(arrivals);
    return {
      seconds: (performance.now() - begin) / 1000,
      rateHz: arrivals.count / arrivals.seconds,
      arrived: arrivals.count,
      lost,
      cutOff,
      repeated: arrivals.repeated,
      outOfOrder: arrivals.outOfOrder,
      brokerKills: broker.kills,
      processKills: producer.kills,
      memory: producer.memory,
      dropped: producer.dropped,
      missing,
    };
  } finally {
    subscriber.end(true);
    await producer.end();
    await broker.end();
    await rm(folder, { recursive: true });
  }
}

/** Random moments, one in each of equal parts of the run, none at its very end. */
const spread = (count: number, results: number) =>
  Array.from({ length: count }, (_, i) => ((i + 0.1 + Math.random() * 0.8) / count) * results * 0.98);

/** Nothing new for a second. */
async function quiet(arrivals: Arrivals): Promise<void> {
  for (let before = -1; before !== arrivals.total; ) {
    before = arrivals.total;
    await sleep(1000);
  }
}

class Arrivals {
  readonly #times: Uint8Array;
  count = 0;
  total = 0;
  highest = 0;
  repeated = 0;
  outOfOrder = 0;
  #first: number | undefined;
  #last = 0;

  constructor(results: number) {
    this.#times = new Uint8Array(results + 1);
  }

  has(number: number): boolean {
    return this.#times[number] !== 0;
  }

  /** From the first arrival to the last new one. */
  get seconds(): number {
    return (this.#last - (this.#first ?? this.#last)) / 1000;
  }

  add(number: number): void {
    this.total++;
    if (this.has(number)) {
      this.repeated++;
      return;
    }
    this.#times[number] = 1;
    this.#last = performance.now();
    this.#first ??= this.#last;
    this.count++;
    if (number < this.highest) this.outOfOrder++;
    this.highest = Math.max(this.highest, number);
  }
}

/** The producer process and what it says, over all its lives. */
class Producer {
  #running: Running | undefined;
  #sent = 0;
  /** Ranges that were handed over and not reported as stored when a life ended. */
  readonly #doubtful: [after: number, through: number][] = [];
  #stored = 0;
  readonly memory: number[] = [];
  /** Messages that the spool gave up, by cause, in all lives that were asked twice a second. */
  readonly dropped: Record<string, number> = {};
  #droppedBefore: Readonly<Record<string, number>> = {};
  kills = 0;
  done = false;
  #failure: string | undefined;

  constructor(
    private readonly plan: SoakPlan,
    private readonly folder: string,
    private readonly url: string,
  ) {}

  run(): void {
    const { results, burst } = this.plan;
    const script = fileURLToPath(new URL('./spool-producer.ts', import.meta.url));
    const words = ['--conditions=source', '--import', 'tsx', script];
    const range = [this.#sent + 1, results, burst].map(String);
    const running = start(process.execPath, [...words, this.folder, ...range, this.url]);
    this.#running = running;
    this.#droppedBefore = { ...this.dropped };
    createInterface({ input: running.process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const [what, value] = line.split(/ (.*)/);
      if (what === 'sent') this.#sent = Number(value);
      else if (what === 'stored') this.#stored = Number(value);
      else if (what === 'memory') this.memory.push(Number(value));
      else if (what === 'dropped') this.#addUp(JSON.parse(value ?? '{}'));
      else if (what === 'done') this.done = true;
    });
    void running.ended.then((status) => {
      if (status !== 'SIGKILL' && !this.done) this.#failure = `The producer ended with ${status}: ${running.output()}`;
    });
  }

  /** Whether it still has something to do. @throws Error if it ended by itself */
  get busy(): boolean {
    if (this.#failure !== undefined) throw new Error(this.#failure);
    return !this.done;
  }

  async restart(): Promise<void> {
    if (this.done) return;
    await this.end();
    this.kills++;
    if (this.#stored < this.#sent) this.#doubtful.push([this.#stored, this.#sent]);
    // Numbers go on after what was handed over: a device does not inspect a product twice.
    this.run();
  }

  missing(arrivals: Arrivals): { lost: number; cutOff: number; missing: number[] } {
    let [lost, cutOff] = [0, 0];
    const missing: number[] = [];
    for (let number = 1; number <= this.plan.results; number++) {
      if (arrivals.has(number)) continue;
      if (missing.length < MISSING_SHOWN) missing.push(number);
      if (this.#doubtful.some(([after, through]) => number > after && number <= through)) cutOff++;
      else lost++;
    }
    return { lost, cutOff, missing };
  }

  #addUp(dropped: Readonly<Record<string, number>>): void {
    for (const [cause, count] of Object.entries(dropped)) {
      this.dropped[cause] = (this.#droppedBefore[cause] ?? 0) + count;
    }
  }

  async end(): Promise<void> {
    this.#running?.process.kill('SIGKILL');
    await this.#running?.ended;
  }
}

/** A mosquitto that keeps the subscriber's session, and nothing else, over a SIGKILL. */
class Broker {
  kills = 0;

  private constructor(
    private readonly file: string,
    private readonly port: number,
    private running: Running,
  ) {}

  static async start(folder: string): Promise<Broker> {
    const port = await freePort();
    const file = join(folder, 'mosquitto.conf');
    const settings = [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous true',
      'user root',
      'persistence true',
      `persistence_location ${folder}/`,
      'autosave_interval 0',
      'max_queued_messages 0',
      'queue_qos0_messages true',
      'max_inflight_messages 0',
      'log_type error',
    ];
    await writeFile(file, `${settings.join('\n')}\n`);
    const broker = new Broker(file, port, start('/usr/sbin/mosquitto', ['-c', file]));
    await broker.#reachable();
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Writes sessions to disk: there they stay. */
  async keepSessions(): Promise<void> {
    this.running.process.kill('SIGUSR1');
    await sleep(500);
  }

  async restart(): Promise<void> {
    this.kills++;
    await this.end();
    this.running = start('/usr/sbin/mosquitto', ['-c', this.file]);
    await this.#reachable();
  }

  async end(): Promise<void> {
    this.running.process.kill('SIGKILL');
    await this.running.ended;
  }

  async #reachable(): Promise<void> {
    for (let attempt = 0; attempt < 500; attempt++) {
      const socket = connectSocket(this.port, '127.0.0.1');
      const there = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      });
      socket.destroy();
      if (there) return;
      await sleep(20);
    }
    throw new Error(`No broker on port ${this.port}: ${this.running.output()}`);
  }
}
