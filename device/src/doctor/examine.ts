import { loadRuntime } from '../score/ort/library.js';
import { configuredFindings, readConfiguration } from './configured.js';
import { type Finding, type Found, warning } from './finding.js';
import { boardOf, deviceModel, jetPack, type Subject } from './look/board.js';
import { clocks } from './look/clocks.js';
import { cuda, nvidiaDriver, tensorRt } from './look/gpu.js';
import { freeMemory, swap } from './look/memory.js';
import { powerMode } from './look/power.js';
import { type LoadRuntime, nodeVersion, onnxRuntime } from './look/software.js';
import { diskSpace, diskWear } from './look/storage.js';
import { temperatures } from './look/temperatures.js';
import { clockSynchronisation } from './look/time.js';
import type { Machine } from './machine.js';

type Look = (subject: Subject) => Promise<Found | readonly Found[]>;

/** What is looked at, in the order of the report. */
const LOOKS: readonly (readonly [what: string, look: Look])[] = [
  ['device', deviceModel],
  ['JetPack', jetPack],
  ['CUDA', cuda],
  ['TensorRT', tensorRt],
  ['NVIDIA driver', nvidiaDriver],
  ['power mode', powerMode],
  ['clocks', clocks],
  ['memory', freeMemory],
  ['swap', swap],
  ['disk space', diskSpace],
  ['disk wear', diskWear],
  ['temperature', temperatures],
  ['clock synchronised', clockSynchronisation],
];

/**
 * Looks at a device and at what runs on it. Never throws: what cannot be found out is a finding too.
 * @param file configuration whose bundle, cameras and broker are checked as `run --dry-run` does
 * @param load default: the ONNX Runtime that the configuration names, or the one that is found
 */
export async function examine(machine: Machine, file?: string, load?: LoadRuntime): Promise<Finding[]> {
  const board = await boardOf(machine);
  const read = file === undefined ? undefined : await readConfiguration(file);
  const config = read && 'bundle' in read ? read : undefined;
  const subject = { machine, board, folder: config?.bundle ?? '.' };
  const runtime: LoadRuntime = load ?? ((log) => loadRuntime(config?.runtime.library, log));
  const found = await Promise.all(LOOKS.map(([what, look]) => attempt(what, () => look(subject))));
  return [
    ...found.flat(),
    ...(await attempt('ONNX Runtime', async () => onnxRuntime(board, runtime))),
    ...(await attempt('Node', async () => nodeVersion(process.version))),
    ...(read && 'what' in read ? [read] : []),
    ...(config ? await configuredFindings(config) : []),
  ];
}

async function attempt(what: string, look: () => Promise<Found | readonly Found[]>): Promise<Finding[]> {
  try {
    return [await look()].flat().map((found) => ({ what, ...found }));
  } catch (error) {
    return [{ what, ...warning(`cannot be read: ${(error as Error).message}`, 'look at it by hand') }];
  }
}
