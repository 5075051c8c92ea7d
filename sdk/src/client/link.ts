import mqtt, { type IClientOptions, type IConnackPacket, type MqttClient } from 'mqtt';
import type { BeltsightError } from '../errors.js';
import { attempt } from './attempt.js';
import { Backoff } from './backoff.js';
import { withoutDelay } from './no-delay.js';
import { endedByBroker, endedSoon, HungUp, isVersionRefusal, lost, TAKEN_OVER, unreachable } from './problem.js';
import { Wait } from './wait.js';

const LONGEST_MS = 30_000;
const TIMEOUT_MS = 10_000;
/** The client's own timer never fires (this is the longest that timers take): the link decides when to reconnect. */
const NEVER_MS = 2 ** 31 - 1;
/** A normal DISCONNECT is the same two bytes in MQTT 3.1.1 and 5 (sections 3.14): no will is published. */
const DISCONNECT = Uint8Array.of(0xe0, 0);
const FAREWELL_MS = 2000;
/** Connections in a row that ended so soon: something is wrong that no single end tells. */
const BRIEF = { ms: 3000, times: 3 };

/** Protocol versions as MQTT numbers them: 4 is MQTT 3.1.1. */
export type ProtocolVersion = 4 | 5;

/** Where options come from that may be others at every connection: secrets, certificates, the will. */
export interface ConnectionSource {
  /** Asked before every attempt. What it throws counts as a failed attempt. */
  read(version: ProtocolVersion): IClientOptions | Promise<IClientOptions>;
  /** Calls `renew` when the connection should be made anew. Returns what ends that. */
  watch?(renew: () => void): () => void;
}

export interface ConnectOptions {
  /** How long an answer may take; default 10 s. */
  readonly timeoutMs?: number | undefined;
  /** Longest wait between attempts; default 30 s. */
  readonly longestWaitMs?: number | undefined;
  /** Try until there is a broker, instead of rejecting when the first attempt fails. */
  readonly persist?: boolean;
  /** Ends the trying of `persist`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the next connection sends again what was not acknowledged when one ended; default: true. false: it is forgotten, and whoever waits for it
   * hears nothing.
   */
  readonly resend?: boolean;
  /** The one version to speak; default: 5, or 4 (3.1.1) where the broker does not speak 5. */
  readonly version?: ProtocolVersion | undefined;
  readonly source?: ConnectionSource;
  /** Hears the broker's CONNACK, with its limits, at the first and at every later connection. */
  readonly connected?: (packet: IConnackPacket) => void;
  /** Hears why an attempt failed or a connection ended, and after how long the next attempt comes. */
  readonly report?: (problem: BeltsightError, retryMs: number) => void;
}

/** Keeps one client connected: the first connection and all later ones, with whatever is current then. */
export class Link {
  readonly #backoff: Backoff;
  readonly #wait: Wait;
  #client: MqttClient | undefined;
  /** The version that the broker has proved to speak. */
  #version: ProtocolVersion | undefined;
  #since = 0;
  #brief = 0;
  #reopening = false;
  #renewing = false;
  #farewell: { reasonCode?: number | undefined } | undefined;
  #error: Error | undefined;
  #unwatch: (() => void) | undefined;

  constructor(
    private readonly url: string,
    private readonly options: IClientOptions,
    private readonly how: ConnectOptions,
  ) {
    this.#backoff = new Backoff(how.longestWaitMs ?? (options.reconnectPeriod || LONGEST_MS));
    this.#wait = new Wait(how.signal);
  }

  /** @throws BeltsightError */
  async open(): Promise<MqttClient> {
    const { persist = false, signal, source } = this.how;
    this.#unwatch = source?.watch?.(() => this.#renew());
    const abort = () => this.#discard();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      for (;;) {
        try {
          const client = await this.#connect();
          this.#keep(client);
          return client;
        } catch (cause) {
          const problem = unreachable(this.url, cause);
          if (persist && !signal?.aborted) await this.#pause(problem);
          if (!persist || signal?.aborted) throw problem;
        }
      }
    } catch (problem) {
      this.#leave();
      this.#discard();
      throw problem;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** One attempt, or two where the broker does not speak MQTT 5. */
  async #connect(): Promise<MqttClient> {
    if (this.how.version !== undefined) return this.#connectAs(this.how.version);
    if (this.#version !== undefined) {
      try {
        return await this.#connectAs(this.#version);
      } catch (error) {
        // Another broker answers at this address now.
        if (!isVersionRefusal(error)) throw error;
        this.#version = undefined;
      }
    }
    try {
      const client = await this.#connectAs(5);
      this.#version = 5;
      return client;
    } catch (error) {
      if (!isVersionRefusal(error) && !(error instanceof HungUp)) throw error;
      const client = await this.#connectAs(4);
      // Who only hung up may have been on its way down: 5 is tried again the next time.
      if (isVersionRefusal(error)) this.#version = 4;
      return client;
    }
  }

  async #connectAs(protocolVersion: ProtocolVersion): Promise<MqttClient> {
    const { timeoutMs = TIMEOUT_MS, source, resend = true } = this.how;
    const fresh = { ...(await source?.read(protocolVersion)), protocolVersion };
    const first = this.#client === undefined;
    const client = this.#client ?? this.#make(fresh, timeoutMs);
    if (!first && over(client)) throw new Error('the client was ended');
    Object.assign(client.options, fresh);
    this.#farewell = undefined;
    this.#error = undefined;
    await attempt(client, () => {
      if (first) client.connect();
      // With its stores, or messages in flight are forgotten.
      else if (resend) client.reconnect({ incomingStore: client.incomingStore, outgoingStore: client.outgoingStore });
      else client.reconnect();
    }).catch((error: Error) => {
      throw error.message === 'connack timeout' ? new Error(`no answer within ${timeoutMs / 1000} s`) : error;
    });
    this.#since = performance.now();
    return client;
  }

  #make(fresh: IClientOptions, connectTimeout: number): MqttClient {
    const reconnectPeriod = this.options.reconnectPeriod === 0 ? 0 : NEVER_MS;
    const fixed = { manualConnect: true, reconnectPeriod, connectTimeout };
    const client = mqtt.connect(this.url, { ...this.options, ...fresh, ...fixed });
    this.#client = client;
    // An error without a listener would end the process.
    client.on('error', (error) => {
      this.#error = error as Error;
    });
    client.on('disconnect', (packet) => {
      this.#farewell = packet;
    });
    withoutDelay(client);
    client.on('end', () => this.#leave());
    if (this.how.connected) client.on('connect', this.how.connected);
    return client;
  }

  #keep(client: MqttClient): void {
    const reopen = () => {
      if (this.#reopening || over(client)) return;
      if (this.options.reconnectPeriod === 0) return;
      this.#reopening = true;
      void this.#reopen(client).finally(() => {
        this.#reopening = false;
        if (!client.connected) reopen();
      });
    };
    client.on('close', reopen);
    if (!client.connected) reopen();
  }

  /** Never rejects. */
  async #reopen(client: MqttClient): Promise<void> {
    let problem = this.#loss();
    for (;;) {
      if (this.#renewing) this.#renewing = false;
      else await this.#pause(problem);
      if (over(client)) return;
      try {
        await this.#connect();
        return;
      } catch (cause) {
        if (over(client)) return;
        problem = unreachable(this.url, cause);
      }
    }
  }

  /** Why the connection ended, and what that means for the next wait. */
  #loss(): BeltsightError {
    const held = performance.now() - this.#since;
    this.#backoff.held(held);
    this.#brief = held < BRIEF.ms ? this.#brief + 1 : 0;
    const code = this.#farewell?.reasonCode;
    const id = this.#client?.options.clientId;
    // Two clients with one id throw each other out for ever: the slower they come back, the less is lost.
    if (code === TAKEN_OVER) this.#backoff.yield();
    if (code) return endedByBroker(this.url, code, id);
    if (this.#brief >= BRIEF.times) return endedSoon(this.url, id);
    return lost(this.url, this.#error ?? new Error('no reason given'));
  }

  /** Makes the connection anew at once, or ends the wait for the next attempt. */
  #renew(): void {
    const client = this.#client;
    if (!client?.connected || this.#reopening) {
      this.#wait.end();
      return;
    }
    this.#renewing = true;
    // What is published from now on waits for the new connection.
    client.connected = false;
    const { stream } = client;
    stream.end(DISCONNECT);
    const timer = setTimeout(() => stream.destroy(), FAREWELL_MS);
    stream.once('close', () => clearTimeout(timer));
  }

  async #pause(problem: BeltsightError): Promise<void> {
    const ms = this.#backoff.next();
    this.how.report?.(problem, ms);
    await this.#wait.start(ms);
  }

  /** The client cannot be ended before it had a stream. */
  #discard(): void {
    if (this.#client?.stream) this.#client.end(true);
  }

  #leave(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#wait.end();
  }
}

function over(client: MqttClient): boolean {
  return client.disconnecting || client.disconnected;
}
