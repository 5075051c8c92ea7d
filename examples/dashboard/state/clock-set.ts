import { doubted, moved } from './clock.js';
import type { CameraState, DeviceState, Shown, State } from './model.js';

/**
 * The state after the clock of this page was set. Put back, all that is kept goes with it and stays as old as it is. Put forward, it may
 * be that the computer slept: then all is older by that, and what is known of other clocks still holds, else it does not. Until the next
 * statuses tell, all is taken for as old as it may be. Pure.
 */
export function clockSet(state: State, byMs: number): State {
  if (byMs > 0) return { ...state, devices: each(state.devices, doubting) };
  const { connection, devices, cameras } = state;
  return {
    ...state,
    connection: { ...connection, since: connection.since + byMs },
    devices: each(devices, (device) => movedDevice(device, byMs)),
    cameras: each(cameras, (camera) => movedCamera(camera, byMs)),
  };
}

const doubting = (device: DeviceState): DeviceState => ({ ...device, clock: device.clock && doubted(device.clock) });

const movedDevice = (device: DeviceState, byMs: number): DeviceState => ({
  ...device,
  heardAt: device.heardAt + byMs,
  stateSince: device.stateSince + byMs,
  cameras: each(device.cameras, ({ condition, since }) => ({ condition, since: since + byMs })),
  clock: device.clock && moved(device.clock, byMs),
});

function movedCamera(camera: CameraState, byMs: number): CameraState {
  const { points, rejects, latest, shown } = camera;
  const movedPoint = <T extends { readonly at: number }>(point: T): T => ({ ...point, at: point.at + byMs });
  const movedShown = (each: Shown) => ({ ...movedPoint(each), since: each.since + byMs });
  return {
    ...camera,
    points: points.map(movedPoint),
    rejects: rejects.map(movedPoint),
    latest: latest && movedShown(latest),
    shown: shown && movedShown(shown),
  };
}

const each = <V>(map: ReadonlyMap<string, V>, change: (value: V) => V): ReadonlyMap<string, V> =>
  new Map([...map].map(([key, value]) => [key, change(value)]));
