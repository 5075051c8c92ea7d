import type { Logger } from 'pino';
import { pause } from '../pause.js';
import type { Commander, Scope } from './command/commander.js';
import { parseWrites, type Write } from './command/parse.js';
import { type CameraDevice, Delivery } from './delivery.js';
import type { MetricDefinition } from './metrics/definition.js';
import { REBIRTH } from './metrics/node.js';
import type { Tags } from './metrics/tags.js';
import type { Value } from './payload/datatype.js';
import { RateLimit } from './rate-limit.js';
import type { PrimaryHost } from './session/primary-host.js';
import type { Session } from './session/session.js';
import type { SparkplugTopics } from './topics.js';

/** Waits between attempts to reach the broker. */
const RETRY_MS = { first: 1000, longest: 30_000 };
/** How long the end may wait for the broker, each time. */
const GOODBYE_MS = 2000;

export interface EdgeNodeParts {
  readonly topics: SparkplugTopics;
  readonly tags: Tags;
  readonly cameras: readonly CameraDevice[];
  /** Opens a session with a bdSeq of its own; rejects where there is no broker. */
  readonly connect: (heard: (topic: string, payload: Buffer) => void) => Promise<Session>;
  /** The host that births wait for, where one is configured. */
  readonly primaryHost: { readonly id: string; readonly state: PrimaryHost } | undefined;
  readonly commander: Commander;
  /** What a write to the node, or to a camera, asks for. */
  readonly orderOf: (write: Write, camera: CameraDevice | undefined) => ReturnType<Scope['orderOf']>;
  readonly rebirthMs: number;
  readonly forwardPerSecond: number;
  readonly logger: Logger;
}

/**
 * The Sparkplug edge node: connects, waits for the primary host, gives birth, reports what changes, and begins anew whenever the
 * connection or the host is lost (Sparkplug 3.0, sections 5.4 to 5.7). It never waits for the broker.
 */
export class EdgeNode {
  readonly #closing = new AbortController();
  readonly #rebirths: RateLimit;
  readonly #deviceRebirths = new Map<CameraDevice, RateLimit>();
  #session: Session | undefined;
  #delivery: Delivery | undefined;
  #living: Promise<void> | undefined;
  #refused = 0;

  constructor(private readonly parts: EdgeNodeParts) {
    this.#rebirths = new RateLimit(parts.rebirthMs);
    for (const camera of parts.cameras) this.#deviceRebirths.set(camera, new RateLimit(parts.rebirthMs));
  }

  start(): void {
    this.#living ??= this.#live();
  }

  /** Values of the node itself. */
  nodeChanged(values: Readonly<Record<string, Value>>): void {
    this.parts.tags.set(values);
    this.#reportNode();
  }

  /** Other metrics of the node itself: they are born anew (section 5.16). */
  redefined(definitions: readonly MetricDefinition[]): void {
    this.parts.tags.define(definitions);
    if (this.#born) this.#birth();
  }

  /** Values of a camera, and whether it gives frames: it is born or dies with that (sections 5.6 and 5.7). */
  cameraChanged(camera: CameraDevice, values: Readonly<Record<string, Value>>, alive: boolean): void {
    const session = this.#born;
    camera.tags.set(values);
    if (!session) {
      camera.alive = alive;
      return;
    }
    if (alive && !camera.alive) this.#deviceBirth(session, camera);
    else this.#reportCamera(camera);
    if (!alive && camera.alive) {
      camera.alive = false;
      session.sendDevice('DDEATH', camera.name, []);
    }
  }

  /**
   * A result: sent now where there is a session, stored otherwise.
   * @param record the same values, to be stored until the broker has them
   */
  result(camera: CameraDevice, values: Readonly<Record<string, Value>>, at: number, record: Uint8Array): void {
    camera.tags.set(values, at);
    const session = this.#born;
    if (!session || !this.#delivery?.room) {
      this.#delivery?.store();
      camera.queue.push(record);
      // Stored while a session lasts, for the broker lagged: it goes as soon as there is room.
      if (session && camera.alive) void this.#delivery?.forward(camera);
      return;
    }
    // Whoever gives results lives, whatever the last status said.
    if (camera.alive) this.#reportCamera(camera);
    else this.#deviceBirth(session, camera);
    this.#delivery.sent(camera, record);
  }

  /** Ends the session in good order; what may not have arrived is stored. Resolves within seconds. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#rebirths.cancel();
    for (const limit of this.#deviceRebirths.values()) limit.cancel();
    const session = this.#session;
    if (session?.born) await Promise.race([this.#delivery?.finish(), pause(GOODBYE_MS, NEVER)]);
    await session?.leave();
    // An attempt to connect that is under way ends by itself.
    await Promise.race([this.#living, pause(GOODBYE_MS, NEVER)]);
  }

  get #born(): Session | undefined {
    return this.#session?.born ? this.#session : undefined;
  }

  async #live(): Promise<void> {
    const { connect, logger } = this.parts;
    const { signal } = this.#closing;
    for (let wait = RETRY_MS.first; !signal.aborted; wait = Math.min(wait * 2, RETRY_MS.longest)) {
      try {
        const session = await connect((topic, payload) => this.#hear(topic, payload));
        await this.#attend(session);
        wait = RETRY_MS.first / 2;
      } catch (error) {
        if (!signal.aborted)
          logger.warn({ err: error }, `Sparkplug: ${(error as Error).message} Results are stored until it is there.`);
      }
      await pause(wait * (0.5 + Math.random()), signal);
    }
  }

  /** One session, to its end. */
  async #attend(session: Session): Promise<void> {
    const { topics, cameras, primaryHost, forwardPerSecond, logger } = this.parts;
    primaryHost?.state.forget();
    this.#session = session;
    this.#delivery = new Delivery(session, forwardPerSecond, this.#closing.signal);
    if (this.#closing.signal.aborted) await session.leave();
    try {
      await session.subscribe([
        topics.node('NCMD'),
        ...cameras.map(({ name }) => topics.device('DCMD', name)),
        ...(primaryHost ? [topics.state(primaryHost.id)] : []),
      ]);
      if (!primaryHost) this.#birth();
      else if (!session.born) logger.info(`Sparkplug: connected; waiting for the host ${primaryHost.id}.`);
      await session.ended;
      if (!this.#closing.signal.aborted) logger.warn('Sparkplug: the session is over; results are stored.');
    } finally {
      this.#delivery.store();
      this.#session = undefined;
      this.#delivery = undefined;
      // Whatever ended the attendance: a connection that is left open keeps the process from ending.
      await session.leave();
    }
  }

  #hear(topic: string, payload: Buffer): void {
    const { topics, cameras, primaryHost } = this.parts;
    if (primaryHost && topic === topics.state(primaryHost.id)) this.#hearHost(payload);
    else if (topic === topics.node('NCMD')) this.#command(payload, undefined);
    else {
      const camera = cameras.find(({ name }) => topics.device('DCMD', name) === topic);
      if (camera) this.#command(payload, camera);
    }
  }

  #hearHost(payload: Buffer): void {
    const { primaryHost, logger } = this.parts;
    const session = this.#session;
    const news = primaryHost?.state.hear(payload);
    if (news === 'stale')
      logger.warn('Sparkplug: a STATE older than the last one is not heeded. Is the clock of the host right?');
    if (news === 'invalid') this.#refuse(1, 'STATE');
    if (news === 'online' && session?.open && !session.born) this.#birth();
    if (news === 'offline' && session?.born) {
      logger.warn('Sparkplug: the primary host is offline; results are stored.');
      void session.leave();
    }
  }

  #command(payload: Buffer, camera: CameraDevice | undefined): void {
    const { parts } = this;
    const tags = camera?.tags ?? parts.tags;
    const { writes, refused } = parseWrites(payload, (metric) => tags.find(metric));
    if (refused > 0) this.#refuse(refused, camera ? `DCMD of ${camera.name}` : 'NCMD');
    const scope: Scope = {
      tags,
      orderOf: (write) => parts.orderOf(write, camera),
      changed: () => (camera ? this.#reportCamera(camera) : this.#reportNode()),
    };
    for (const write of writes) {
      if (write.name === REBIRTH || write.name === 'Device Control/Rebirth') {
        if (write.value === true) this.#requestBirth(camera);
      } else parts.commander.take(scope, write);
    }
  }

  #requestBirth(camera: CameraDevice | undefined): void {
    if (!camera) this.#rebirths.request(() => this.#birth());
    else
      this.#deviceRebirths.get(camera)?.request(() => {
        if (this.#born && camera.alive) this.#deviceBirth(this.#born, camera);
      });
  }

  /** Counted, and logged each time that their number doubles: a flood of nonsense must not fill the log. */
  #refuse(count: number, where: string): void {
    const before = this.#refused;
    this.#refused += count;
    if (Math.floor(Math.log2(this.#refused)) > Math.floor(Math.log2(before)))
      this.parts.logger.warn(
        { where, refused: this.#refused },
        'Sparkplug: a message makes no sense and is not heeded.',
      );
    this.parts.tags.set({ 'Counters/Refused Commands': this.#refused });
  }

  /** The complete birth sequence: NBIRTH, then DBIRTH of every camera that gives frames. */
  #birth(): void {
    const session = this.#session;
    const { primaryHost, tags, cameras, logger } = this.parts;
    if (!session?.open || (primaryHost && !primaryHost.state.online)) return;
    if (!session.born) logger.info('Sparkplug: online.');
    session.beginBirth(tags.birth());
    for (const camera of cameras) if (camera.alive) session.sendDevice('DBIRTH', camera.name, camera.tags.birth());
    for (const camera of cameras) void this.#delivery?.forward(camera);
  }

  #deviceBirth(session: Session, camera: CameraDevice): void {
    camera.alive = true;
    session.sendDevice('DBIRTH', camera.name, camera.tags.birth());
    void this.#delivery?.forward(camera);
  }

  #reportNode(): void {
    const session = this.#born;
    const changes = session ? this.parts.tags.changes() : [];
    if (changes.length > 0) session?.sendNode('NDATA', changes);
  }

  #reportCamera(camera: CameraDevice): void {
    const session = camera.alive ? this.#born : undefined;
    const changes = session ? camera.tags.changes() : [];
    if (changes.length > 0) session?.sendDevice('DDATA', camera.name, changes);
  }
}

/** A signal that never comes. */
const NEVER = new AbortController().signal;
