import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RejectMessage } from '@beltsight/sdk';
import type { IClientPublishOptions } from 'mqtt';
import type { Logger } from 'pino';
import { JSON_TEXT } from '../../publish/outbox.js';
import type { Rejection } from '../judge/judge.js';
import type { SignalConfig } from '../schema.js';
import { TIME } from './axis.js';
import type { Encoder } from './encoder.js';
import { Pulse } from './pulse.js';
import { type Loss, Schedule } from './schedule.js';
import { fill } from './template.js';

/** What signals need of the publisher. */
interface Speaker {
  readonly figures: { readonly connected: boolean };
  /** For the reset alone: it is right later, too. */
  say(topic: string, payload: Buffer, options: IClientPublishOptions): void;
  sayNow(topic: string, payload: Buffer, options: IClientPublishOptions): boolean;
}

export interface RejectSignalsParts {
  readonly camera: string;
  readonly config: SignalConfig;
  readonly topic: string;
  readonly speaker: Speaker;
  readonly pulse: Pulse | undefined;
  /** Where the configuration names a distance. Its owner calls `moved` and `anew`. */
  readonly encoder: Encoder | undefined;
  readonly logger: Pick<Logger, 'warn' | 'error'>;
}

/** So long a signal waits for the encoder before that is told of: a standing belt is silent for a while, too. */
const SILENT_MS = 5000;

/** The reject signals of one camera, from the verdict to the ejector. */
export class RejectSignals {
  readonly #schedule: Schedule<Rejection>;
  /** The next reading of the encoder tells where the belt was at their capture. */
  #unplaced: Rejection[] = [];
  /** Set from the first of them to the next reading, also when it is over: a silence is told of once. */
  #silence: NodeJS.Timeout | undefined;
  #sent = 0;
  #lost = 0;
  /** Sends the PLC's reset when the last signal is long enough ago. */
  readonly #reset = new Pulse({ set: (active) => (active ? undefined : this.#sayReset()) }, () => undefined);
  /** What the last loss was for, so that a row of them is one line. */
  #complained: string | undefined;

  constructor(private readonly parts: RejectSignalsParts) {
    const { config, encoder } = parts;
    this.#schedule = new Schedule({
      axis: encoder?.track ?? TIME,
      maxPending: config.maxPending,
      maxLateMs: config.maxLateMs,
      fire: (rejection, lateMs) => this.#fire(rejection, lateMs),
      lost: (_, why, lateMs) => this.#lose(LOSSES[why](config, lateMs)),
    });
  }

  /** Since the start; `lost`: not given, or not by every way that is configured. */
  get figures(): { readonly sent: number; readonly lost: number; readonly pending: number } {
    return { sent: this.#sent, lost: this.#lost, pending: this.#schedule.size + this.#unplaced.length };
  }

  /** Gives the signal when the product is at the ejector; at once where the configuration names no way to it. */
  push(rejection: Rejection): void {
    const { config, encoder } = this.parts;
    if (encoder) this.#place(rejection, encoder);
    else {
      const { delayMs } = config;
      this.#schedule.push(delayMs === undefined ? performance.now() : rejection.capturedMs + delayMs, rejection);
    }
  }

  /** The encoder has moved. */
  moved(): void {
    const { encoder } = this.parts;
    this.#endSilence();
    if (encoder) for (const rejection of this.#unplaced.splice(0)) this.#place(rejection, encoder);
    this.#schedule.check();
  }

  /** The encoder began anew. */
  anew(): void {
    this.#schedule.drop('displaced');
  }

  /** Gives the signals that become due in so long; what is left is lost. Then the PLC's value is reset. */
  async close(patienceMs: number): Promise<void> {
    await this.#schedule.close(patienceMs);
    this.#endSilence();
    for (const _ of this.#unplaced.splice(0)) this.#lose(LOSSES.shutdown(this.parts.config, 0));
    await Promise.race([this.#reset.finished(), sleep(patienceMs, undefined, { ref: false })]);
    this.#reset.end();
  }

  #place(rejection: Rejection, { track }: Encoder): void {
    const { config } = this.parts;
    const position = track.at(rejection.capturedMs);
    if (position !== undefined) this.#schedule.push(position + (config.distance ?? 0), rejection);
    else if (!track.mayTell(rejection.capturedMs))
      this.#lose('the encoder told no position when the frame was captured, or was silent while the belt moved');
    else if (this.#unplaced.length >= config.maxPending) this.#lose(LOSSES.full(config, 0));
    else {
      this.#unplaced.push(rejection);
      this.#silence ??= setTimeout(() => this.#tellSilence(), SILENT_MS);
    }
  }

  #tellSilence(): void {
    this.parts.logger.warn(
      `The encoder of camera "${this.parts.camera}" is silent, and signals of bad products wait for it: does the belt stand, or is its gateway down?`,
    );
  }

  #endSilence(): void {
    clearTimeout(this.#silence);
    this.#silence = undefined;
  }

  #fire(rejection: Rejection, lateMs: number): void {
    const { pulse, speaker, config } = this.parts;
    let given = true;
    try {
      if (config.gpio) pulse?.trigger(config.gpio.pulseMs);
    } catch (error) {
      given = false;
      this.#complain((error as Error).message);
    }
    const { connected } = speaker.figures;
    const said = connected && this.#say(rejection, lateMs);
    if (!said) {
      given = given && pulse !== undefined;
      this.#complain(connected ? 'the broker takes no more messages now' : 'there is no connection to the broker');
    }
    if (given) {
      this.#sent++;
      this.#complained = said ? undefined : this.#complained;
    } else this.#lost++;
  }

  /** Now or never: a signal that comes when the broker is back would hit another product. False if not everybody was told. */
  #say({ results, verdict, class: name, count }: Rejection, lateMs: number): boolean {
    const { camera, topic, speaker, config } = this.parts;
    const message: RejectMessage = {
      schema: 'beltsight.reject/1',
      id: randomUUID(),
      results: [...results],
      camera,
      at: new Date(Date.now() - lateMs).toISOString(),
      lateMs,
      verdict,
      class: name,
    };
    const { plc } = config;
    let said = true;
    if (plc) {
      const { id, at } = message;
      const payload = fill(plc.payload, { id, camera, verdict, class: name, at, lateMs: lateMs.toFixed(1), count });
      said = speaker.sayNow(plc.topic, Buffer.from(payload), { qos: plc.qos });
      if (plc.reset) this.#reset.trigger(plc.reset.afterMs);
    }
    const properties = { ...JSON_TEXT, messageExpiryInterval: 1 };
    // With QoS 1 it would be sent again after an outage.
    return speaker.sayNow(topic, Buffer.from(JSON.stringify(message)), { qos: 0, properties }) && said;
  }

  #sayReset(): void {
    const { plc } = this.parts.config;
    if (plc?.reset) this.parts.speaker.say(plc.topic, Buffer.from(plc.reset.payload), { qos: plc.qos });
  }

  #lose(why: string): void {
    this.#lost++;
    this.#complain(why);
  }

  #complain(why: string): void {
    if (this.#complained === why) return;
    this.#complained = why;
    this.parts.logger.error(
      { lost: this.#lost },
      `A bad product passes the ejector of camera "${this.parts.camera}": ${why}.`,
    );
  }
}

const LOSSES: Readonly<Record<Loss, (config: SignalConfig, lateMs: number) => string>> = {
  late: ({ maxLateMs }) =>
    `its signal would be more than maxLateMs (${maxLateMs}) late; the ejector is too near, or the device too slow`,
  full: ({ maxPending }) => `more than maxPending (${maxPending}) signals are on their way; does the belt move?`,
  displaced: () => 'the encoder began anew while its signal was on its way',
  shutdown: () => 'the service ended before it was there; look at what is on the belt',
};
