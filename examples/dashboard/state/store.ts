import type { AlarmMessage, DeviceAddress, ResultMessage, StatusMessage } from '@beltsight/sdk';
import { type Kept, letGo, restore, takeJudgement, takeResult } from './cameras.js';
import { clockSet } from './clock-set.js';
import { takeAcknowledgement, takeAlarm, takeStatus } from './devices.js';
import type { Acknowledgement, Answer, Connection, State } from './model.js';
import { PageClock } from './page-clock.js';

/** Something that has happened, or time that has passed. */
export type Change =
  | { readonly type: 'result'; readonly address: DeviceAddress; readonly result: ResultMessage }
  | { readonly type: 'status'; readonly address: DeviceAddress; readonly status: StatusMessage }
  | { readonly type: 'alarm'; readonly address: DeviceAddress; readonly alarm: AlarmMessage }
  | { readonly type: 'acknowledgement'; readonly camera: string; readonly acknowledgement: Acknowledgement }
  | { readonly type: 'judgement'; readonly result: string; readonly answer: Answer }
  | { readonly type: 'connection'; readonly state: Connection['state']; readonly reason?: string }
  | { readonly type: 'kept'; readonly kept: Kept }
  | { readonly type: 'clock'; readonly byMs: number }
  | { readonly type: 'tick' };

/** The state after a change at `now`, epoch milliseconds. Pure. */
export function reduce(state: State, change: Change, now: number): State {
  switch (change.type) {
    case 'result':
      return takeResult(state, change.address, change.result, now);
    case 'status':
      return takeStatus(state, change.address, change.status, now);
    case 'alarm':
      return takeAlarm(state, change.address, change.alarm);
    case 'acknowledgement':
      return takeAcknowledgement(state, change.camera, change.acknowledgement);
    case 'judgement':
      return takeJudgement(state, change.result, change.answer);
    case 'connection':
      return { ...state, connection: connectionAfter(state.connection, change, now) };
    case 'kept':
      return restore(state, change.kept);
    case 'clock':
      return clockSet(state, change.byMs);
    case 'tick':
      return letGo(state, now);
  }
}

/** `since` survives further attempts: it tells for how long the broker is away. */
function connectionAfter(
  before: Connection,
  { state, reason }: Extract<Change, { type: 'connection' }>,
  now: number,
): Connection {
  const same = (before.state === 'up') === (state === 'up');
  return { state, since: same ? before.since : now, reason };
}

/** Holds the state; whoever changed it is followed by those who draw it. */
export class Store {
  readonly #listeners = new Set<(state: State, change: Change) => void>();

  constructor(
    private state: State,
    private readonly clock: PageClock = new PageClock(),
  ) {}

  get current(): State {
    return this.state;
  }

  /** The time by which the state is kept. */
  get now(): number {
    return this.clock.now;
  }

  change(change: Change): void {
    const byMs = this.clock.follow();
    if (byMs !== 0) this.state = reduce(this.state, { type: 'clock', byMs }, this.now);
    this.state = reduce(this.state, change, this.now);
    for (const listener of this.#listeners) listener(this.state, change);
  }

  listen(listener: (state: State, change: Change) => void): void {
    this.#listeners.add(listener);
  }
}
