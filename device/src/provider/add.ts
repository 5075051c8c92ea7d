import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { encodeModel, GraphBuilder } from '@beltsight/sdk/onnx';
import { OrtApi } from '../score/ort/api.js';
import { MAIN_LIBRARY } from '../score/ort/installed.js';
import { OrtEnvironment, OrtSession } from '../score/ort/session.js';
import { readWheel } from './wheel.js';

/** A runtime that was put into place. */
export interface AddedRuntime {
  readonly library: string;
  /** As the library itself says. */
  readonly version: string;
  /** Execution providers that it was built with. */
  readonly providers: readonly string[];
}

/**
 * Puts the ONNX Runtime of a Python wheel into `folder`/VERSION, where devices find it, after it has run a model there. One of
 * the same version is replaced; a wheel that fails changes nothing.
 * @throws BeltsightError ARGUMENT_INVALID (the wheel), RUNTIME_UNAVAILABLE (its library), IO_FAILED
 */
export async function addRuntime(wheel: string, folder: string): Promise<AddedRuntime> {
  const { version, files } = await readWheel(wheel);
  const target = join(folder, version);
  let part: string | undefined;
  try {
    await mkdir(folder, { recursive: true });
    part = await mkdtemp(join(folder, 'part-'));
    // It is made for its owner alone, who is root where the service is not.
    await chmod(part, 0o755);
    for (const [name, bytes] of files) await writeFile(join(part, name), bytes, { mode: 0o755 });
    const api = OrtApi.load(join(part, MAIN_LIBRARY));
    await requireRun(api);
    const added = { library: join(target, MAIN_LIBRARY), version: api.version, providers: api.availableProviders() };
    await rm(target, { recursive: true, force: true });
    await rename(part, target);
    return added;
  } catch (cause) {
    if (part) await rm(part, { recursive: true, force: true });
    if (cause instanceof BeltsightError) throw cause;
    throw new BeltsightError(
      'IO_FAILED',
      `${folder} cannot be written (${(cause as Error).message}): run with sudo, or choose another with --into.`,
      {
        cause,
      },
    );
  }
}

/** Runs the smallest of models. */
async function requireRun(api: OrtApi): Promise<void> {
  const g = new GraphBuilder('probe');
  const x = g.input('x', 'float32', [1]);
  g.output(g.node('Neg', [x]), 'float32', [1], 'y');
  const environment = OrtEnvironment.open(api);
  const session = await OrtSession.open(environment, encodeModel(g.build()));
  try {
    const [input, output] = [session.hostTensor('float32', [1]), session.hostTensor('float32', [1])];
    input.data?.set([2]);
    session.bindInput('x', input);
    session.bindOutput('y', output);
    await session.run();
    if (output.data?.[0] === -2) return;
    throw new BeltsightError('RUNTIME_UNAVAILABLE', `${api.library} computes wrong: get another build.`);
  } finally {
    await session.close();
    environment.close();
  }
}
