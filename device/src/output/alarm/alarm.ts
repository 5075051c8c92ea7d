import type { AlarmMessage } from '@beltsight/sdk';
import type { ChartReading } from './chart.js';

export type AlarmKind = AlarmMessage['kind'];
export type Readings = Readonly<Partial<Record<AlarmKind, ChartReading>>>;

export interface AlarmContext {
  readonly camera: string;
  readonly at: string;
  readonly newId: () => string;
}

/**
 * The alarm of a camera after its charts have moved: the same value where nothing changed. One alarm at a time: while one stands,
 * another chart that leaves its limits waits until it is cleared.
 */
export function alarmAfter(
  alarm: AlarmMessage | undefined,
  readings: Readings,
  { camera, at, newId }: AlarmContext,
): AlarmMessage | undefined {
  if (alarm && alarm.state !== 'cleared') {
    const reading = readings[alarm.kind];
    if (!reading?.calm) return alarm;
    const { value, limit } = reading;
    const message = `${TITLES[alarm.kind]} of camera "${camera}" is back within its limits (${percent(value)}).`;
    return { ...alarm, state: 'cleared', at, value, limit, message };
  }
  const kind = KINDS.find((each) => readings[each]?.out);
  const reading = kind && readings[kind];
  if (!kind || !reading) return alarm;
  const { value, limit } = reading;
  return {
    schema: 'beltsight.alarm/1',
    id: newId(),
    camera,
    kind,
    state: 'raised',
    since: at,
    at,
    value,
    limit,
    message: `${TITLES[kind]} of camera "${camera}" is ${percent(value)}, ${value > limit ? 'above' : 'out of'} its limit of ${percent(limit)}. ${REMEDIES[kind]}`,
  };
}

/** The alarm with a person's word on it; undefined if it is not this alarm, or not raised any more. */
export function acknowledged(
  alarm: AlarmMessage | undefined,
  id: string,
  by: string | undefined,
  at: string,
): AlarmMessage | undefined {
  if (alarm?.id !== id || alarm.state === 'cleared') return undefined;
  if (alarm.state === 'acknowledged') return alarm;
  return { ...alarm, state: 'acknowledged', at, ...(by === undefined ? {} : { acknowledgedBy: by }) };
}

/** The alarm without a chart that could clear it: over. */
export function abandoned(alarm: AlarmMessage, at: string): AlarmMessage {
  if (alarm.state === 'cleared') return alarm;
  const message = `${TITLES[alarm.kind]} of camera "${alarm.camera}" is no longer watched.`;
  return { ...alarm, state: 'cleared', at, message };
}

const KINDS: readonly AlarmKind[] = ['reject-rate', 'unknown-rate'];
const TITLES: Readonly<Record<AlarmKind, string>> = {
  'reject-rate': 'The reject rate',
  'unknown-rate': 'The rate of unknown products',
};
const REMEDIES: Readonly<Record<AlarmKind, string>> = {
  'reject-rate': 'Look at the last rejects: defective products, or light, lens and position of the camera?',
  'unknown-rate': 'Look at the last pictures: a new product, or light, lens and position of the camera?',
};

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 2 : 1)} %`;
