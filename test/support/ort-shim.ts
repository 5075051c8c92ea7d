import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { libraries } from '../../device/src/score/ort/library.js';

const VARIABLES = ['REAL', 'LOG', 'FAIL', 'MISSING', 'VERSION', 'BUILD_MS'] as const;
type Variable = (typeof VARIABLES)[number];

/** ONNX Runtime with TensorRT and CUDA for machines that have neither: see ort-shim.c. Needs gcc. */
export class OrtShim {
  readonly library: string;
  readonly #log: string;

  constructor(folder: string) {
    this.library = join(folder, 'libonnxruntime_shim.so');
    this.#log = join(folder, 'shim.log');
    const source = fileURLToPath(new URL('./ort-shim.c', import.meta.url));
    execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', this.library, source]);
    for (const name of ['tensorrt', 'cuda']) writeFileSync(join(folder, `libonnxruntime_providers_${name}.so`), '');
    this.behave({});
  }

  /** Variables for a process that loads the shim. */
  environment(how: Partial<Record<Variable, string>>): Record<string, string> {
    const all = { REAL: libraries().at(-1) as string, LOG: this.#log, ...how };
    return Object.fromEntries(Object.entries(all).map(([name, value]) => [`SHIM_${name}`, value]));
  }

  /** Sets how it behaves in this process from now on, and forgets what it recorded. */
  behave(how: Partial<Record<Variable, string>>): void {
    for (const name of VARIABLES) delete process.env[`SHIM_${name}`];
    Object.assign(process.env, this.environment(how));
    rmSync(this.#log, { force: true });
  }

  /** What it was told, a line each. */
  get recorded(): string[] {
    try {
      return readFileSync(this.#log, 'utf8').trim().split('\n');
    } catch {
      return [];
    }
  }
}
