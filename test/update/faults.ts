import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { UpdateStateMessage } from '@beltsight/sdk';
import { build } from 'esbuild';
import { ROOT } from '../support/processes.js';

/** What goes wrong in a process, at which of its operations: from 1; 0: none, they are only counted. */
export interface Fault {
  readonly kind: 'kill' | 'ENOSPC' | 'EROFS';
  readonly at: number;
}

export interface DeviceSettings {
  readonly folder: string;
  readonly factory: string;
  readonly root: string;
  readonly url: string;
  /** It ends when this release has proved itself. */
  readonly until: string;
}

/** Runs the program beside it, and keeps what the engine has compiled when a process ends in order. */
const BEGIN = `
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const { Script } = require('node:vm');
const file = require('node:path').join(__dirname, 'updating-device.cjs');
const cache = file + '.compiled';
const cachedData = existsSync(cache) ? readFileSync(cache) : undefined;
const script = new Script('(function (require, module, exports) {' + readFileSync(file) + '})', { filename: file, cachedData });
if (!cachedData) process.on('exit', () => writeFileSync(cache, script.createCachedData()));
script.runInThisContext()(require, module, exports);
`;

/** Begins device processes in which one operation goes wrong (fault-shim.c). Needs gcc. */
export class FaultyDevices {
  readonly #shim: string;
  readonly #program: string;
  #begun = 0;

  private constructor(private readonly folder: string) {
    this.#shim = join(folder, 'fault-shim.so');
    this.#program = join(folder, 'begin.cjs');
  }

  static async build(folder: string): Promise<FaultyDevices> {
    const devices = new FaultyDevices(folder);
    const source = (name: string) => fileURLToPath(new URL(`../support/${name}`, import.meta.url));
    const flags = ['-shared', '-fPIC', '-O1', '-Wall', '-Werror'];
    execFileSync('gcc', [...flags, '-o', devices.#shim, source('fault-shim.c')]);
    // Hundreds are begun: in one file, compiled once, each takes a fraction of the time.
    await build({
      entryPoints: [source('updating-device.ts')],
      outfile: join(folder, 'updating-device.cjs'),
      bundle: true,
      platform: 'node',
      format: 'cjs',
      conditions: ['source'],
      external: ['koffi'],
      logLevel: 'error',
    });
    writeFileSync(devices.#program, BEGIN);
    return devices;
  }

  /** @param prelude a command that begins the one that follows it */
  start(settings: DeviceSettings, fault?: Fault, prelude: readonly string[] = []): DeviceProcess {
    const shared = join(this.folder, `fault-${this.#begun++}`);
    writeFileSync(shared, Buffer.alloc(8));
    const faulty = {
      LD_PRELOAD: this.#shim,
      FAULT_SHARED: shared,
      FAULT_FOLDER: settings.folder,
      FAULT_KIND: fault?.kind,
      FAULT_AT: `${fault?.at}`,
    };
    const env = { ...process.env, NODE_PATH: join(ROOT, 'node_modules'), ...(fault ? faulty : {}) };
    const [command = '', ...words] = [...prelude, process.execPath, this.#program, JSON.stringify(settings)];
    return new DeviceProcess(spawn(command, words, { env, stdio: ['ignore', 'pipe', 'inherit'] }), shared);
  }
}

/** A device process, with what it has said. */
export class DeviceProcess {
  /** Model it began with, and milliseconds from the start of the process. */
  serving: { readonly modelId: string; readonly afterMs: number } | undefined;
  warnings: readonly string[] = [];
  readonly states: UpdateStateMessage[] = [];
  /** Why it did not begin. */
  failure: string | undefined;
  /** Exit status, or the signal that killed it. */
  readonly ended: Promise<number | NodeJS.Signals>;

  constructor(
    private readonly child: ChildProcess,
    private readonly shared: string,
  ) {
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#hear(JSON.parse(line)));
    this.ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** Operations that were counted. */
  get operations(): number {
    return readFileSync(this.shared).readUInt32LE(0);
  }

  /** The disk is well again. */
  heal(): void {
    const file = openSync(this.shared, 'r+');
    writeSync(file, Buffer.from([1]), 0, 1, 4);
    closeSync(file);
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.child.kill(signal);
  }

  #hear({ serving, afterMs, warnings, failure, ...state }: Record<string, unknown>): void {
    if (serving !== undefined) {
      this.serving = { modelId: String(serving), afterMs: Number(afterMs) };
      this.warnings = warnings as string[];
    } else if (failure !== undefined) this.failure = String(failure);
    else this.states.push(state as unknown as UpdateStateMessage);
  }
}
