import type { AlarmMessage, CameraStatus, DeviceAddress, StatusMessage } from '@beltsight/sdk';
import { addCamera } from './cameras.js';
import { clockAfter } from './clock.js';
import {
  type Acknowledgement,
  type AlarmState,
  cameraKey,
  conditionOf,
  type DeviceState,
  deviceKey,
  type State,
  withEntry,
} from './model.js';

/** More than cameras: those of devices that have no place must be counted. */
const DEVICES = 256;
/** More than cameras: one that has no place may raise an alarm, too. */
const ALARMS = 1024;

/** A status has arrived. */
export function takeStatus(state: State, address: DeviceAddress, status: StatusMessage, now: number): State {
  const key = deviceKey(address);
  const before = state.devices.get(key);
  const { site, line, device } = address;
  const entry = {
    address: { site, line, device },
    status,
    heardAt: now,
    stateSince: before?.status.state === status.state ? before.stateSince : now,
    cameras: conditionsAfter(before, status.cameras ?? [], now),
    // A last will was written when the connection was made, so its time says nothing.
    clock: status.state === 'offline' ? before?.clock : clockAfter(before?.clock, Date.parse(status.at), now),
  };
  let next: State = { ...state, devices: withEntry(state.devices, key, entry, DEVICES, (each) => isGone(state, each)) };
  for (const { name } of status.cameras ?? []) next = addCamera(next, address, name);
  return next;
}

/** It has left, and nothing of it is shown. */
const isGone = ({ cameras }: State, { address, status }: DeviceState) =>
  status.state === 'offline' && ![...cameras.values()].some((each) => deviceKey(each.address) === deviceKey(address));

/** An alarm was raised, acknowledged or cleared. */
export function takeAlarm(state: State, address: DeviceAddress, message: AlarmMessage): State {
  const key = cameraKey(address, message.camera);
  const before = state.alarms.get(key);
  if (message.state === 'cleared') {
    const alarms = new Map(state.alarms);
    alarms.delete(key);
    return { ...state, alarms };
  }
  const { site, line, device } = address;
  const acknowledgement = before?.message.id === message.id ? before.acknowledgement : undefined;
  const entry = { address: { site, line, device }, message, acknowledgement };
  return { ...state, alarms: withEntry(state.alarms, key, entry, ALARMS, isSeen) };
}

const isSeen = ({ message }: AlarmState) => message.state === 'acknowledged';

/** An acknowledgement was sent or answered. Of an alarm that is gone it no longer matters. */
export function takeAcknowledgement(state: State, key: string, acknowledgement: Acknowledgement): State {
  const alarm = state.alarms.get(key);
  if (alarm?.message.id !== acknowledgement.alarm) return state;
  return { ...state, alarms: new Map(state.alarms).set(key, { ...alarm, acknowledgement }) };
}

/** How each camera is, and since when, as far as this page knows. */
function conditionsAfter(before: DeviceState | undefined, cameras: readonly CameraStatus[], now: number) {
  return new Map(
    cameras.map((camera) => {
      const condition = conditionOf(camera);
      const known = before?.cameras.get(camera.name);
      return [camera.name, known?.condition === condition ? known : { condition, since: now }] as const;
    }),
  );
}
