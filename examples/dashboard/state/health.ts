import type { CameraStatus } from '@beltsight/sdk';
import { conditionOf, type DeviceState } from './model.js';

/** One line about the health of a device. */
export interface Figure {
  readonly name: string;
  readonly value: string;
  readonly bad?: boolean;
}

/** Fields that the page words itself. */
const TOLD = ['schema', 'state', 'at', 'device', 'software', 'model', 'provider', 'rejectedProviders', 'cameras'];
/** Figures that only those who tune a device read. */
const DETAILS = ['stages', 'scores', 'results'];
const LOSSES = /^(dropped|lost|failures)\b/;
const FAULTS = /\b(fault|problem)$/;

/** How a device and one of its cameras are, as it says itself. */
export function healthOf({ status }: DeviceState, name: string): readonly Figure[] {
  const { state, provider, rejectedProviders, software, model } = status;
  const camera = status.cameras?.find((each) => each.name === name);
  return [
    { name: 'device', value: state, bad: state === 'offline' || state === 'degraded' },
    ...(camera ? cameraFigures(camera) : []),
    ...(provider
      ? [
          {
            name: 'runs on',
            value: rejectedProviders?.length
              ? `${provider}, not ${rejectedProviders.map((each) => each.provider).join(', ')}`
              : provider,
          },
        ]
      : []),
    ...(model ? [{ name: 'model', value: model.id }] : []),
    ...(software ? [{ name: 'software', value: software.version }] : []),
    ...furtherFigures(status),
  ];
}

function cameraFigures(camera: CameraStatus): readonly Figure[] {
  const { error, frames, dropped, failures = 0 } = camera;
  const condition = conditionOf(camera);
  return [
    { name: 'camera', value: error ? `${condition}: ${error}` : condition, bad: condition === 'failed' },
    { name: 'frames', value: frames.toLocaleString('en-GB') },
    { name: 'overtaken frames', value: dropped.toLocaleString('en-GB') },
    ...(failures > 0 ? [{ name: 'camera failures', value: String(failures), bad: true }] : []),
  ];
}

/**
 * Whatever else a status tells, such as temperatures and what waits in a spool: each number or text by the way to it. Losses that
 * are none are left out.
 */
export function furtherFigures(status: object): readonly Figure[] {
  const found: Figure[] = [];
  const walk = (value: unknown, path: readonly string[]) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [key, each] of Object.entries(value)) {
        if (path.length < 3 && !DETAILS.includes(key)) walk(each, [...path, key]);
      }
      return;
    }
    if (typeof value !== 'number' && typeof value !== 'string') return;
    // The group itself tells little, but of a fault it names the place.
    const name = words((path.length > 1 && path[0] === 'metrics' ? path.slice(1) : path).join(' '));
    const loss = LOSSES.test(path.slice(1).join(' '));
    if (loss && value === 0) return;
    found.push({
      name,
      value: worded(path.at(-1) as string, path, value),
      ...(loss || FAULTS.test(name) ? { bad: true } : {}),
    });
  };
  for (const [key, value] of Object.entries(status)) if (!TOLD.includes(key)) walk(value, [key]);
  return found;
}

/** Names carry their units: "memoryBytes". */
function worded(key: string, path: readonly string[], value: number | string): string {
  if (typeof value === 'string') return value;
  if (path.includes('temperatures') || /temperature|Celsius/i.test(key)) return `${value.toFixed(0)} °C`;
  if (/bytes$/i.test(key)) return `${(value / 2 ** 20).toFixed(value < 10 * 2 ** 20 ? 1 : 0)} MB`;
  const rounded = Number.isInteger(value) ? value.toLocaleString('en-GB') : value.toFixed(2);
  return /Ms$/.test(key) ? `${rounded} ms` : rounded;
}

const words = (path: string) =>
  path
    .replace(/(Bytes|Ms|Celsius)\b| bytes$/g, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/[_-]/g, ' ')
    .toLowerCase()
    .trim();
