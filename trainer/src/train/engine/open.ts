import { availableParallelism } from 'node:os';
import { BeltsightError } from '@beltsight/sdk';
import type { Provider } from '../../graph/provider.js';
import { requireProvider } from '../../graph/provider-check.js';
import type { Engine, TrainingEngine } from '../engine.js';
import { CompiledEngine } from './compiled.js';
import { EagerEngine } from './eager.js';
import { nativeHost, type TfjsHost } from './native.js';
import type { OptimizerConfig, TrainingProgram } from './program.js';

export interface EngineChoice {
  readonly engine: Engine;
  /** For the compiled engine. */
  readonly provider: Provider;
  /** Of the processor; default: all cores. */
  readonly threads?: number | undefined;
}

/**
 * Says at once, before any picture is read, that an engine cannot be had.
 * @returns versions of the packages that compute only where it does
 * @throws BeltsightError as {@link openEngine}
 */
export async function requireEngine({ engine, provider }: EngineChoice): Promise<TfjsHost['versions']> {
  if (engine === 'native') return (await nativeEngineHost(provider)).versions;
  await requireProvider(provider);
  return {};
}

/**
 * Opens the engine of a configuration. Start by `restore` with initial parameters.
 * @throws BeltsightError RUNTIME_UNAVAILABLE, PROVIDER_UNAVAILABLE with what is missing and how to get it; CONFIG_INVALID if engine and provider
 *   do not go together
 */
export async function openEngine(
  { engine, provider, threads = availableParallelism() }: EngineChoice,
  program: TrainingProgram,
  optimizer: OptimizerConfig,
): Promise<TrainingEngine> {
  if (engine === 'compiled') return CompiledEngine.open(program, optimizer, { provider, threads });
  return EagerEngine.open(program, optimizer, await nativeEngineHost(provider));
}

async function nativeEngineHost(provider: Provider): Promise<TfjsHost> {
  if (provider !== 'cpu') {
    throw new BeltsightError(
      'CONFIG_INVALID',
      `provider ${provider} is for the compiled engine: TensorFlow uses a GPU by itself where @tensorflow/tfjs-node-gpu is installed. Leave one of --engine and --provider out.`,
    );
  }
  return nativeHost();
}
