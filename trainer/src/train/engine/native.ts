import util from 'node:util';
import { BeltsightError } from '@beltsight/sdk';
import { supportExplicitPadding } from './explicit-padding.js';

/** A tfjs backend that computes eagerly. */
export interface TfjsHost {
  /** Its name in tfjs. */
  readonly backend: string;
  /** What it is, for people. */
  readonly description: string;
  /** Versions of the packages that compute, besides tfjs itself. */
  readonly versions: Readonly<Record<string, string>>;
}

/** tfjs's own CPU backend, in JavaScript: far too slow to train with, but always there to compare with. */
export const PLAIN_TFJS: TfjsHost = { backend: 'cpu', description: "tfjs's own CPU backend", versions: {} };

/** What packages give TensorFlow's library to tfjs, the faster one first, and what they register. */
const PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];
const BACKEND = 'tensorflow';

type Import = (name: string) => Promise<unknown>;

/**
 * TensorFlow's own library behind the tfjs API, from the first package that is installed and loads.
 * @throws BeltsightError RUNTIME_UNAVAILABLE that says what to install, or why what is installed does not load
 */
export async function nativeHost(load: Import = (name) => import(name)): Promise<TfjsHost> {
  const failures: string[] = [];
  supplyRemoved();
  for (const name of PACKAGES) {
    try {
      const loaded = (await load(name)) as { version?: Record<string, string> } | undefined;
      supportExplicitPadding(BACKEND);
      const but = failures.map((failure) => `; ${failure}`).join('');
      // Both packages call themselves so.
      const version = loaded?.version?.['tfjs-node'] ?? 'unknown';
      return { backend: BACKEND, description: `TensorFlow (${name}${but})`, versions: { [name]: version } };
    } catch (cause) {
      if (!isAbsent(cause, name)) failures.push(`${name} does not load: ${firstLine(cause)}`);
    }
  }
  if (failures.length > 0) {
    throw new BeltsightError(
      'RUNTIME_UNAVAILABLE',
      `The native engine cannot start: ${failures.join('; ')}. Its library was not fetched, or not built for this Node.js (${process.version}): ` +
        'run "npm rebuild @tensorflow/tfjs-node --build-addon-from-source", or leave out --engine: the compiled engine needs nothing more.',
    );
  }
  throw new BeltsightError(
    'RUNTIME_UNAVAILABLE',
    'The native engine needs TensorFlow, which is not installed: run "npm install @tensorflow/tfjs-node" (processor) or ' +
      '"npm install @tensorflow/tfjs-node-gpu" (NVIDIA GPU), or leave out --engine: the compiled engine needs nothing more.',
  );
}

/** The packages (4.22) call functions that Node.js 23 removed: they load, and fail in the first operation (tensorflow/tfjs issue 8609). */
export function supplyRemoved(utilities: object = util): void {
  const removed = utilities as { isNullOrUndefined?: (value: unknown) => boolean; isArray?: typeof Array.isArray };
  removed.isNullOrUndefined ??= (value) => value === null || value === undefined;
  removed.isArray ??= Array.isArray;
}

/** Whether the package itself is missing, and not something that it needs. */
function isAbsent(cause: unknown, name: string): boolean {
  const { code, message } = cause as NodeJS.ErrnoException;
  return code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${name}'`);
}

const firstLine = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause)).trim().split('\n')[0];
