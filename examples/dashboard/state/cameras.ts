import type { DeviceAddress, ResultMessage } from '@beltsight/sdk';
import { ageMs } from './clock.js';
import {
  type Answer,
  type CameraState,
  cameraKey,
  deviceKey,
  type Limits,
  type Point,
  pushed,
  type Shown,
  type State,
  withEntry,
} from './model.js';

/** What was kept of a camera from an earlier visit. */
export interface Kept {
  readonly address: DeviceAddress;
  readonly camera: string;
  readonly points: readonly Point[];
  readonly rejects: readonly Point[];
}

/** A result has arrived. */
export function takeResult(state: State, address: DeviceAddress, result: ResultMessage, now: number): State {
  const { limits } = state;
  const before = cameraOf(state, address, result.camera);
  // Those that waited for the broker, on the device, are no news.
  const madeAt = Date.parse(result.frame.capturedAt) + result.latencyMs;
  const at = now - ageMs(state.devices.get(deviceKey(address))?.clock, madeAt, now);
  const point = pointOf(result, at);
  const latest = { result, at, since: now };
  const passed = result.verdict === 'pass';
  return withCamera(state, {
    ...before,
    points: pushed(before.points, point, limits.results),
    rejects: passed ? before.rejects : pushed(before.rejects, point, limits.rejects),
    latest,
    shown: nextShown(before.shown, latest, now, limits),
    inspected: before.inspected + 1,
    notPassed: before.notPassed + (passed ? 0 : 1),
  });
}

/** Time has passed: verdicts that were held give way to newer ones. */
export function letGo(state: State, now: number): State {
  let next = state;
  for (const camera of state.cameras.values()) {
    const { latest, shown } = camera;
    if (!latest || latest.result === shown?.result) continue;
    const chosen = nextShown(shown, latest, now, state.limits);
    if (chosen !== shown) next = withCamera(next, { ...camera, shown: chosen });
  }
  return next;
}

/** A judgement was sent or answered. Of results that are no longer kept it does not matter. */
export function takeJudgement(state: State, result: string, answer: Answer): State {
  const kept = new Set([...state.cameras.values()].flatMap(({ rejects }) => rejects.map(({ id }) => id)));
  const judgements = new Map(state.judgements).set(result, answer);
  for (const id of judgements.keys()) if (!kept.has(id)) judgements.delete(id);
  return { ...state, judgements };
}

/** Puts kept results before those that have come since. */
export function restore(state: State, { address, camera, points, rejects }: Kept): State {
  const { limits } = state;
  const before = cameraOf(state, address, camera);
  const merged = (kept: readonly Point[], now: readonly Point[], most: number) => {
    const ids = new Set(now.map(({ id }) => id));
    return [...kept.filter(({ id }) => !ids.has(id)), ...now].slice(-most);
  };
  // What is only remembered takes no place from others.
  if (!state.cameras.has(before.key) && state.cameras.size >= limits.cameras) return state;
  return withCamera(state, {
    ...before,
    points: merged(points, before.points, limits.results),
    rejects: merged(rejects, before.rejects, limits.rejects),
  });
}

/** A camera without a result yet, where the device names it. */
export function addCamera(state: State, address: DeviceAddress, camera: string): State {
  return state.cameras.has(cameraKey(address, camera)) ? state : withCamera(state, cameraOf(state, address, camera));
}

/** How many cameras devices name for which there is no place. */
export function leftOut({ devices, cameras }: State): number {
  let count = 0;
  for (const { address, cameras: named } of devices.values()) {
    for (const name of named.keys()) if (!cameras.has(cameraKey(address, name))) count++;
  }
  return count;
}

/** A verdict that is no pass gives way to a pass only after a while; to another that is no pass at once. */
function nextShown(shown: Shown | undefined, latest: Shown, now: number, { holdMs }: Limits): Shown {
  const held =
    shown && shown.result.verdict !== 'pass' && latest.result.verdict === 'pass' && now - shown.since < holdMs;
  return held ? shown : { ...latest, since: now };
}

function pointOf({ id, verdict, score, threshold, class: { name }, frame }: ResultMessage, at: number): Point {
  return { id, at, verdict, score, threshold, product: name, source: frame.source };
}

function cameraOf(state: State, address: DeviceAddress, name: string): CameraState {
  const key = cameraKey(address, name);
  const { site, line, device } = address;
  return (
    state.cameras.get(key) ?? {
      key,
      address: { site, line, device },
      name,
      points: [],
      rejects: [],
      latest: undefined,
      shown: undefined,
      inspected: 0,
      notPassed: 0,
    }
  );
}

/** Nobody has spoken of it since the page was opened. */
const isRemembered = ({ devices }: State, { latest, address, name }: CameraState) =>
  !latest && !devices.get(deviceKey(address))?.cameras.has(name);

const withCamera = (state: State, camera: CameraState): State => ({
  ...state,
  cameras: withEntry(state.cameras, camera.key, camera, state.limits.cameras, (each) => isRemembered(state, each)),
});
