import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { EngineCache } from './engine-cache.js';
import { type GpuVersions, gpuVersions } from './gpu.js';
import type { RuntimeConfig } from './schema.js';

/** What an engine is built from. */
export interface EngineSource {
  readonly modelId: string;
  /** The graph holds QuantizeLinear: TensorRT must be told that it may compute with 8-bit integers. */
  readonly int8: boolean;
  /** Version of ONNX Runtime. */
  readonly runtimeVersion: string;
}

/**
 * Runs `build` with the TensorRT options to use: half precision and both caches on unless configured otherwise, engines in
 * the folder of this model, these versions and these options. Where the folder cannot be used (no space, no permission) TensorRT
 * works without one. Engines that it refuses are built once more from nothing.
 * @param build loads the model and runs it once
 */
export async function withEngines<T>(
  runtime: RuntimeConfig,
  source: EngineSource,
  log: (line: string) => void,
  build: (runtime: RuntimeConfig) => Promise<T>,
  versions: GpuVersions = gpuVersions(runtime.tensorrt.deviceId),
): Promise<T> {
  const options = {
    fp16Enable: true,
    engineCacheEnable: true,
    timingCacheEnable: true,
    ...(source.int8 ? { int8Enable: true } : {}),
    ...runtime.tensorrt,
  };
  const run = (more: object) => build({ ...runtime, tensorrt: { ...options, ...more } });
  if (!options.engineCacheEnable || options.engineCachePath) return run({});
  const root = runtime.cache ?? defaultCache();
  let cache: EngineCache;
  let timingCachePath: string;
  try {
    timingCachePath = join(root, 'timing', short(versions));
    await mkdir(timingCachePath, { recursive: true });
    cache = await EngineCache.open(join(root, 'engines'), { ...source, ...versions, options }, { log });
  } catch (error) {
    log(`TensorRT keeps no engines, so every start builds them anew: ${(error as Error).message}`);
    return run({ engineCacheEnable: false, timingCacheEnable: false });
  }
  const paths = { timingCachePath, ...options, engineCachePath: cache.folder };
  try {
    if (!cache.filled) log('TensorRT builds its engine for this model: that takes minutes, once.');
    const result = await run(paths).catch((error: Error) => {
      if (!cache.filled) throw error;
      log(`TensorRT refuses its cached engine, which is built anew: ${error.message}`);
      return cache.clear().then(() => run(paths));
    });
    await cache.seal().catch((error: Error) => log(`The engine could not be kept: ${error.message}`));
    return result;
  } finally {
    await cache.release();
  }
}

/** CacheDirectory= of systemd, or the user's. */
function defaultCache(): string {
  const { CACHE_DIRECTORY, XDG_CACHE_HOME } = process.env;
  return CACHE_DIRECTORY ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'beltsight');
}

function short(value: object): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 24);
}
