import { type Found, fault, none, ok, unreadable, warning } from '../finding.js';
import type { Subject } from './board.js';

const FILE = '/proc/meminfo';
/** The device process with a model of 256 x 256 takes some 200 MiB; building a TensorRT engine more than that again. */
const [LITTLE_MB, TOO_LITTLE_MB] = [512, 128];
/** Share of swap in use from which on the device has more to do than to hold. */
const SWAPPING = 0.8;

export async function freeMemory({ machine, board }: Subject): Promise<Found> {
  const text = await machine.read(FILE);
  if (text === undefined) return none(`${FILE} cannot be read`);
  const [total, available] = [mib(text, 'MemTotal'), mib(text, 'MemAvailable')];
  if (total === undefined || available === undefined) return unreadable(FILE);
  const found = `${available} of ${total} MiB free`;
  const remedy = board.jetson ? 'sudo systemctl isolate multi-user.target' : 'ps aux --sort=-rss | head';
  if (available < TOO_LITTLE_MB) return fault(found, remedy);
  return available < LITTLE_MB ? warning(found, remedy) : ok(found);
}

export async function swap({ machine }: Subject): Promise<Found> {
  const text = await machine.read(FILE);
  if (text === undefined) return none(`${FILE} cannot be read`);
  const [total, free] = [mib(text, 'SwapTotal'), mib(text, 'SwapFree')];
  if (total === undefined || free === undefined) return unreadable(FILE);
  if (total === 0) return none('none');
  const found = `${free} of ${total} MiB free`;
  return free < (1 - SWAPPING) * total ? warning(found, 'ps aux --sort=-rss | head') : ok(found);
}

function mib(text: string, key: string): number | undefined {
  const kib = new RegExp(`^${key}: +(\\d{1,15}) kB$`, 'm').exec(text)?.[1];
  return kib === undefined ? undefined : Math.round(Number(kib) / 1024);
}
