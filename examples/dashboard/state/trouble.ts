import { type CameraState, deviceKey, type State } from './model.js';

/** What is to be said in large letters. */
export interface Trouble {
  /** `wait`: nothing is wrong yet. */
  readonly level: 'bad' | 'wait';
  readonly title: string;
  readonly text: string;
  /** Since when, epoch milliseconds. */
  readonly since: number | undefined;
}

const OLD = 'What you see is old.';

/** What is wrong with everything. */
export function troubleOf({ connection, devices }: State): Trouble | undefined {
  const { state, since, reason } = connection;
  if (state === 'refused') {
    return { level: 'bad', title: 'SIGN IN', text: reason ?? 'The broker wants a user name and password.', since };
  }
  if (state === 'connecting') return { level: 'wait', title: 'CONNECTING', text: 'Asking for the broker…', since };
  if (state === 'down') return { level: 'bad', title: 'BROKER GONE', text: `${OLD} ${reason ?? ''}`.trim(), since };
  if (devices.size === 0) {
    const text = 'The broker is there. No device has said anything yet.';
    return { level: 'wait', title: 'NO DEVICE YET', text, since };
  }
  return undefined;
}

/** What is wrong with a camera or its device, where the broker is there. */
export function cameraTrouble({ devices }: State, { address, name }: CameraState): Trouble | undefined {
  const device = devices.get(deviceKey(address));
  if (!device) return undefined;
  const { status, stateSince } = device;
  if (status.state === 'offline') {
    const text = `${deviceKey(address)} has left the broker. ${OLD}`;
    return { level: 'bad', title: 'DEVICE OFFLINE', text, since: stateSince };
  }
  const { condition, since } = device.cameras.get(name) ?? {};
  switch (condition) {
    case 'failed': {
      const { error } = status.cameras?.find((each) => each.name === name) ?? {};
      return { level: 'bad', title: 'CAMERA FAILED', text: error ?? 'The device does not say why.', since };
    }
    case 'ended':
      return { level: 'wait', title: 'CAMERA ENDED', text: 'It gives no more frames.', since };
    case 'paused':
      return { level: 'wait', title: 'PAUSED', text: 'A command paused it: nothing is inspected.', since };
    default:
      return undefined;
  }
}
