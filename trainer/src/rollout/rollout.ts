import { parseTopic, rolloutTopics, rootFilter, updateStateSchema } from '@beltsight/sdk';
import type { IClientOptions } from 'mqtt';
import { Fleet, messageOf, nameOf, topicsOfName } from './fleet.js';
import { Ledger } from './ledger.js';
import { Session } from './session.js';
import { desiredOf, type Stand, stands } from './standing.js';
import type { Among } from './waves.js';

/** Where the broker is, and as whom to go there. */
export interface BrokerOptions {
  readonly url: string;
  readonly mqtt?: IClientOptions;
}

/** One rollout as the broker has it: what it shall do, and what its devices say. */
export class Rollout {
  readonly ledger: Ledger;
  #fleet = new Fleet([]);
  #changed: () => void = () => undefined;

  private constructor(
    readonly session: Session,
    readonly id: string,
  ) {
    this.ledger = new Ledger(session, id);
    session.onMessage((topic, payload) => this.#hear(topic, payload));
    session.onConnection(() => this.#changed());
  }

  /**
   * Opens a rollout, also one that is not there yet.
   * @throws BeltsightError BROKER_UNREACHABLE, ARGUMENT_INVALID for an id that no topic can have
   */
  static async open(id: string, { url, mqtt }: BrokerOptions): Promise<Rollout> {
    const { plan, echo } = rolloutTopics(id);
    const session = await Session.open(url, echo, mqtt);
    const rollout = new Rollout(session, id);
    try {
      await session.listen([plan]);
      const { current } = rollout.ledger;
      if (current) await rollout.watch(current.waves.flatMap(({ devices }) => devices));
      return rollout;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  get fleet(): Fleet {
    return this.#fleet;
  }

  /** The names of all devices that report, and of those whose report cannot be read. */
  async find(among: Among): Promise<{ devices: string[]; unreadable: string[] }> {
    const filter = `${rootFilter({ site: among.site, line: among.line })}/update/state`;
    const [devices, unreadable] = [new Set<string>(), new Set<string>()];
    for (const { topic, payload } of await this.session.sample(filter)) {
      const address = parseTopic(topic);
      if (address?.kind !== 'update/state' || payload.length === 0) continue;
      (messageOf(updateStateSchema, payload) ? devices : unreadable).add(nameOf(address));
    }
    return { devices: [...devices].sort(), unreadable: [...unreadable].sort() };
  }

  /** Hears what devices say, and what is desired of them, from now on. */
  async watch(devices: readonly string[]): Promise<void> {
    this.#fleet = new Fleet(devices);
    const topics = devices.map(topicsOfName);
    await this.session.listen(topics.flatMap((each) => [each.status, each.updateDesired, each.updateState]));
  }

  /** Hears everything anew. */
  async renew(): Promise<void> {
    this.#fleet.forget();
    this.ledger.forget();
    await this.session.renew();
    await this.ledger.mend();
  }

  /** How its devices stand; none where there is no such rollout. */
  stands(): Stand[] {
    const { current } = this.ledger;
    return current ? stands(current, this.#fleet) : [];
  }

  /**
   * Asks devices for the release.
   * @throws BeltsightError BROKER_UNREACHABLE
   */
  async ask(devices: readonly Stand[]): Promise<void> {
    const { current } = this.ledger;
    if (!current) return;
    await this.session.retain(
      devices.map(({ device, wave }) => [topicsOfName(device).updateDesired, desiredOf(current, wave)] as const),
    );
  }

  /** Resolves when something was heard, after `ms`, or at the signal. */
  async change(ms: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        this.#changed = () => undefined;
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
      this.#changed = end;
      if (signal.aborted) end();
    });
  }

  close(): Promise<void> {
    return this.session.close();
  }

  #hear(topic: string, payload: Uint8Array): void {
    if (topic === this.ledger.topic) this.ledger.hear(payload);
    else {
      const parsed = parseTopic(topic);
      if (parsed) this.#fleet.hear(parsed, payload);
    }
    this.#changed();
  }
}
