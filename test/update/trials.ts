import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeviceProcess, Fault, FaultyDevices } from './faults.js';
import type { UpdatedScene } from './scene.js';

/** What became of one injected fault. */
export interface Outcome {
  /** Number of the operation at which it was injected. */
  readonly at: number;
  /** From the start of the process that had to serve until it did, in milliseconds. */
  readonly servingAfterMs: number;
  /** Why it is no survivor. */
  readonly fault: string | undefined;
}

/** So many go on at once. */
const ABREAST = 2;
/** Made anew at each look; the last may be interrupted. */
const SCRATCH = 'trusted.json.open';
const PATIENCE_MS = 20_000;

/** Injects faults into updates of a device, each on a state folder of its own. */
export class Trials {
  /** Files that an update leaves which nothing disturbs. */
  #usual: ReadonlySet<string> = new Set();

  constructor(
    private readonly scene: UpdatedScene,
    private readonly devices: FaultyDevices,
  ) {}

  /** Numbers of all operations of an update at which such a fault can come. */
  async instants(kind: Fault['kind']): Promise<number[]> {
    return this.#within(`counted-${kind}`, async (folder) => {
      const device = this.devices.start(this.scene.settings(folder), { kind, at: 0 });
      if ((await device.ended) !== 0)
        throw new Error(`The update does not come through undisturbed: ${device.failure}`);
      this.#usual = new Set(await readdir(folder, { recursive: true }));
      return Array.from({ length: device.operations }, (_, i) => i + 1);
    });
  }

  /** Kills the process at each instant: the next one has to serve, and to complete the update. */
  async kill(instants: readonly number[]): Promise<Outcome[]> {
    return this.#each(instants, async (folder, at) => {
      const settings = this.scene.settings(folder);
      // Packets are not cut alike in all runs: the last instants may not be reached.
      const status = await this.devices.start(settings, { kind: 'kill', at }).ended;
      const next = this.devices.start(settings);
      if (status === 'SIGKILL' || status === 0) return next;
      next.stop('SIGKILL');
      throw new Error(`it ended with ${status} instead of being killed`);
    });
  }

  /** Lets the disk refuse from each instant on, until the device has said so: it has to serve all the time, and to complete the update then. */
  async refuse(kind: 'ENOSPC' | 'EROFS', instants: readonly number[]): Promise<Outcome[]> {
    return this.#each(instants, async (folder, at) => {
      const device = this.devices.start(this.scene.settings(folder), { kind, at });
      const ended = device.ended.then(() => true);
      const said = () => device.states.find(({ reason }) => reason !== undefined)?.reason;
      const until = performance.now() + PATIENCE_MS;
      while (said() === undefined && performance.now() < until && !(await Promise.race([ended, sleep(10)])));
      const reason = said();
      device.heal();
      if (reason === undefined || reason.includes(kind)) return device;
      device.stop('SIGKILL');
      await device.ended;
      throw new Error(`it says only: ${reason}`);
    });
  }

  async #each(
    instants: readonly number[],
    inject: (folder: string, at: number) => Promise<DeviceProcess>,
  ): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    const left = [...instants];
    const one = (at: number) =>
      this.#within(`tried-${at}`, async (folder): Promise<Outcome> => {
        try {
          const device = await inject(folder, at);
          const fault = await this.#judge(device, folder);
          return { at, servingAfterMs: device.serving?.afterMs ?? Number.NaN, fault };
        } catch (error) {
          return { at, servingAfterMs: Number.NaN, fault: (error as Error).message };
        }
      });
    const worker = async () => {
      for (let at = left.shift(); at !== undefined; at = left.shift()) outcomes.push(await one(at));
    };
    await Promise.all(Array.from({ length: ABREAST }, worker));
    return outcomes;
  }

  /** Why a process, left alone from now on, is no survivor. */
  async #judge(device: DeviceProcess, folder: string): Promise<string | undefined> {
    const patience = new AbortController();
    const ended = await Promise.race([
      device.ended,
      sleep(PATIENCE_MS, 'nothing', { signal: patience.signal }).catch(() => 'nothing'),
    ]);
    patience.abort();
    device.stop('SIGKILL');
    if (!device.serving) return `it does not begin: ${device.failure}`;
    if (!this.scene.models.has(device.serving.modelId)) return `it serves ${device.serving.modelId}`;
    if (ended !== 0) return `it ended with ${ended}, and did not complete: ${JSON.stringify(device.states.at(-1))}`;
    if (device.states.some(({ failed }) => failed.length > 0)) return 'the release is held to be bad';
    const more = (await readdir(folder, { recursive: true })).filter(
      (file) => !this.#usual.has(file) && !file.startsWith(SCRATCH),
    );
    return more.length > 0 ? `it leaves ${more.join(', ')}` : undefined;
  }

  async #within<T>(name: string, use: (folder: string) => Promise<T>): Promise<T> {
    const folder = join(this.scene.folder, name);
    await cp(this.scene.installed, folder, { recursive: true });
    return use(folder).finally(() => rm(folder, { recursive: true }));
  }
}

/** So many of the instants, evenly spread, with the first and the last. */
export function spread(instants: readonly number[], count: number): number[] {
  const last = instants.length - 1;
  const chosen = Array.from({ length: count }, (_, i) => instants[Math.round((i * last) / (count - 1))] as number);
  return [...new Set(chosen)];
}
