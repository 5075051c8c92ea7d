import type { AlarmMessage, CameraStatus, DeviceAddress, ResultMessage, StatusMessage, Verdict } from '@beltsight/sdk';
import type { ClockOffset } from './clock.js';

/** How much is kept and when it is old. */
export interface Limits {
  /** Results kept of each camera. */
  readonly results: number;
  /** Products that did not pass, kept of each camera. */
  readonly rejects: number;
  /** Cameras; what further ones say is not taken, unless one that is only remembered can go. */
  readonly cameras: number;
  /** A verdict older than this is not shown as current. */
  readonly staleMs: number;
  /** For so long a verdict that is no pass stays, although passes follow: people must have time to see it. */
  readonly holdMs: number;
}

/** What is kept of a result. Times are epoch milliseconds by the clock of this page. */
export interface Point {
  readonly id: string;
  /** When the result was made. */
  readonly at: number;
  readonly verdict: Verdict;
  readonly score: number;
  readonly threshold: number | null;
  readonly product: string | null;
  readonly source: string | undefined;
}

/** A result in large letters. */
export interface Shown {
  readonly result: ResultMessage;
  /** When the result was made. */
  readonly at: number;
  /** When it came onto the screen. */
  readonly since: number;
}

export interface CameraState {
  /** `site/line/device/camera`. */
  readonly key: string;
  readonly address: DeviceAddress;
  readonly name: string;
  /** Oldest first. */
  readonly points: readonly Point[];
  /** Points that are no pass, oldest first; they outlive `points`. */
  readonly rejects: readonly Point[];
  readonly latest: Shown | undefined;
  readonly shown: Shown | undefined;
  /** Since the page was opened. */
  readonly inspected: number;
  readonly notPassed: number;
}

/** How a camera is: one that failed or ended is not merely paused. */
export type Condition = CameraStatus['state'] | 'paused';

export interface DeviceState {
  readonly address: DeviceAddress;
  readonly status: StatusMessage;
  readonly heardAt: number;
  /** Since when it has the state that the status names, as far as this page knows. */
  readonly stateSince: number;
  /** By name, as the status tells. */
  readonly cameras: ReadonlyMap<string, { readonly condition: Condition; readonly since: number }>;
  /** undefined until it said anything but its last will. */
  readonly clock: ClockOffset | undefined;
}

/** What came of something that a device was asked to do. */
export interface Answer {
  readonly state: 'sent' | 'taken' | 'refused';
  readonly text: string;
}

/** What came of acknowledging an alarm. */
export interface Acknowledgement extends Answer {
  readonly alarm: string;
}

export interface AlarmState {
  readonly address: DeviceAddress;
  readonly message: AlarmMessage;
  readonly acknowledgement: Acknowledgement | undefined;
}

export interface Connection {
  /** `refused`: the broker wants other credentials. */
  readonly state: 'connecting' | 'up' | 'down' | 'refused';
  /** Since when it is up, or is not. */
  readonly since: number;
  /** Why it is not up, for a person. */
  readonly reason: string | undefined;
}

export interface State {
  readonly limits: Limits;
  readonly connection: Connection;
  /** By `site/line/device`. */
  readonly devices: ReadonlyMap<string, DeviceState>;
  /** By key, sorted. */
  readonly cameras: ReadonlyMap<string, CameraState>;
  /** By key of the camera; cleared ones are gone. */
  readonly alarms: ReadonlyMap<string, AlarmState>;
  /** What came of saying that a result was a false alarm, by the result's id. */
  readonly judgements: ReadonlyMap<string, Answer>;
}

export const deviceKey = ({ site, line, device }: DeviceAddress) => `${site}/${line}/${device}`;
export const cameraKey = (address: DeviceAddress, camera: string) => `${deviceKey(address)}/${camera}`;
export const conditionOf = ({ state, paused }: CameraStatus): Condition =>
  paused && state !== 'failed' && state !== 'ended' ? 'paused' : state;

export function emptyState(limits: Limits, now: number): State {
  return {
    limits,
    connection: { state: 'connecting', since: now, reason: undefined },
    devices: new Map(),
    cameras: new Map(),
    alarms: new Map(),
    judgements: new Map(),
  };
}

/**
 * The map with one entry more or replaced, sorted by key. Where that would be more than `most`, the new one takes the place of one
 * that `spare` names; of none: the same map.
 */
export function withEntry<V>(
  map: ReadonlyMap<string, V>,
  key: string,
  value: V,
  most: number,
  spare: (value: V) => boolean = () => false,
): ReadonlyMap<string, V> {
  if (map.has(key)) return new Map(map).set(key, value);
  const entries = [...map];
  if (entries.length >= most) {
    const at = entries.findLastIndex(([, each]) => spare(each));
    if (at < 0) return map;
    entries.splice(at, 1);
  }
  return new Map([...entries, [key, value] as const].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The last `most` of a list with one more. */
export function pushed<T>(list: readonly T[], item: T, most: number): readonly T[] {
  return list.length < most ? [...list, item] : [...list.slice(list.length - most + 1), item];
}
