import { randomUUID } from 'node:crypto';
import { type AlarmMessage, alarmSchema } from '@beltsight/sdk';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Product } from '../judge/judge.js';
import type { AlarmConfig } from '../schema.js';
import { StateFile } from '../state-file.js';
import { type AlarmKind, abandoned, acknowledged, alarmAfter, type Readings } from './alarm.js';
import { Chart, chartStateSchema } from './chart.js';

const stateSchema = z.object({
  schema: z.literal('beltsight.alarm-state/1'),
  charts: z.partialRecord(alarmSchema.shape.kind, chartStateSchema),
  alarm: alarmSchema.optional(),
});

export interface CameraAlarmParts {
  readonly camera: string;
  readonly config: AlarmConfig;
  readonly file: string;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** Products between two times that the charts are saved; an alarm is saved at once. */
const SAVE_EVERY = 200;

/** The control charts of a camera and its alarm, over restarts. */
export class CameraAlarm {
  readonly #file: StateFile;
  #charts: ReadonlyMap<AlarmKind, Chart> = new Map();
  #readings: Readings = {};
  #alarm: AlarmMessage | undefined;
  #unsaved = 0;
  #failed = false;
  #publish: ((alarm: AlarmMessage) => void) | undefined;

  private constructor(private readonly parts: CameraAlarmParts) {
    this.#file = new StateFile(parts.file);
  }

  /** Never rejects: state that cannot be read is logged, and the charts begin anew. */
  static async open(parts: CameraAlarmParts): Promise<CameraAlarm> {
    const opened = new CameraAlarm(parts);
    await opened.#load();
    return opened;
  }

  /** Publishes the alarm there is, and every change from now on. */
  start(publish: (alarm: AlarmMessage) => void): void {
    this.#publish = publish;
    if (this.#alarm) publish(this.#alarm);
  }

  /** @param calibrated false-reject rate of the product's class */
  add({ verdict }: Product, calibrated: number): void {
    const seen: [AlarmKind, boolean][] = [['unknown-rate', verdict === 'unknown']];
    // Of an unknown product nobody knows whether it is good.
    if (verdict !== 'unknown') seen.push(['reject-rate', verdict === 'reject']);
    for (const [kind, bad] of seen) {
      const reading = this.#charts.get(kind)?.add(bad, calibrated);
      if (reading) this.#readings = { ...this.#readings, [kind]: reading };
    }
    const { camera } = this.parts;
    const context = { camera, at: new Date().toISOString(), newId: randomUUID };
    this.#become(alarmAfter(this.#alarm, this.#readings, context));
    if (++this.#unsaved >= SAVE_EVERY) this.#save();
  }

  /** Says that a person has seen it; false if it is not the alarm there is, or over. */
  acknowledge(id: string, by: string | undefined): boolean {
    const alarm = acknowledged(this.#alarm, id, by, new Date().toISOString());
    if (alarm) this.#become(alarm);
    return alarm !== undefined;
  }

  async close(): Promise<void> {
    if (this.#charts.size === 0 && !this.#alarm) return;
    await this.#file.save(this.#content()).catch((error) => this.#complain(error));
  }

  #become(alarm: AlarmMessage | undefined): void {
    if (!alarm || alarm === this.#alarm) return;
    this.#alarm = alarm;
    const { logger } = this.parts;
    if (alarm.state === 'raised') logger.warn({ alarm: alarm.id }, alarm.message);
    else logger.info({ alarm: alarm.id, by: alarm.acknowledgedBy }, `Alarm ${alarm.state}. ${alarm.message}`);
    this.#publish?.(alarm);
    this.#save();
  }

  async #load(): Promise<void> {
    const { config, file, logger } = this.parts;
    let state: z.infer<typeof stateSchema> | undefined;
    try {
      const text = await this.#file.read();
      if (text !== undefined) state = stateSchema.parse(JSON.parse(text));
    } catch (error) {
      logger.error({ err: error }, `${file} is damaged or cannot be read: the control charts begin anew.`);
    }
    const charts: [AlarmKind, AlarmConfig['rejects']][] = [
      ['reject-rate', config.rejects],
      ['unknown-rate', config.unknown],
    ];
    this.#charts = new Map(
      charts.flatMap(([kind, chart]) => (chart ? [[kind, new Chart(chart, state?.charts[kind])] as const] : [])),
    );
    const alarm = state?.alarm;
    this.#alarm = alarm && !this.#charts.has(alarm.kind) ? abandoned(alarm, new Date().toISOString()) : alarm;
  }

  #save(): void {
    this.#unsaved = 0;
    this.#file.save(this.#content()).then(
      () => {
        this.#failed = false;
      },
      (error) => this.#complain(error),
    );
  }

  #content(): string {
    const charts = Object.fromEntries(
      [...this.#charts].flatMap(([kind, { state }]) => (state ? [[kind, state] as const] : [])),
    );
    const state: z.infer<typeof stateSchema> = {
      schema: 'beltsight.alarm-state/1',
      charts,
      ...(this.#alarm ? { alarm: this.#alarm } : {}),
    };
    return JSON.stringify(state);
  }

  #complain(error: unknown): void {
    const { file, logger } = this.parts;
    if (!this.#failed) logger.error({ err: error }, `${file} cannot be written: alarms do not outlive a restart.`);
    this.#failed = true;
  }
}
