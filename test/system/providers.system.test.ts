import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Scorer, type ScorerOptions } from '../../device/src/score/scorer.js';
import { statusOf } from '../../device/src/service/status.js';
import { OrtShim } from '../support/ort-shim.js';
import { TINY_SIZE, tinyImage, writeTinyBundle } from '../support/tiny-bundle.js';

let folder: string;
let bundle: string;
let shim: OrtShim;
let cache: string;
let log: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-providers-'));
  bundle = join(folder, 'bundle');
  await writeTinyBundle(bundle);
  shim = new OrtShim(folder);
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  shim.behave({});
  log = [];
  cache = await mkdtemp(join(folder, 'cache-'));
});

const picture = { format: 'RGB24', width: TINY_SIZE, height: TINY_SIZE, data: tinyImage('blue', 255) } as const;
const open = (options: ScorerOptions = {}) =>
  Scorer.open(bundle, { library: shim.library, cache, log: (line) => log.push(line), ...options });
const scored = async (options: ScorerOptions = {}) => {
  const scorer = await open(options);
  const { score } = await scorer.score(picture);
  const { provider, rejected } = scorer;
  await scorer.close();
  return { score, provider, rejected };
};
const engines = () => readdir(join(cache, 'engines'));

describe('TensorRT and CUDA', () => {
  it('run the model with half precision and caches, and CUDA for what TensorRT leaves', async () => {
    const reference = await scored({ library: undefined, providers: ['cpu'] });
    const { score, provider, rejected } = await scored();
    expect({ provider, rejected }).toEqual({ provider: 'tensorrt', rejected: [] });
    expect(score).toBe(reference.score);
    expect(shim.recorded).toEqual(
      expect.arrayContaining([
        'tensorrt trt_fp16_enable=1',
        'tensorrt trt_engine_cache_enable=1',
        expect.stringMatching(/^tensorrt trt_engine_cache_path=.*engines/),
        'tensorrt trt_timing_cache_enable=1',
        expect.stringMatching(/^tensorrt trt_timing_cache_path=.*timing/),
        'append tensorrt',
        'append cuda',
        'engine built',
      ]),
    );
    // The frame lies in page-locked memory, what is between the graphs in the GPU's.
    expect(shim.recorded).toEqual(expect.arrayContaining(['memory Cuda', 'memory CudaPinned']));
  });

  it('hear every configured option under its own name', async () => {
    await scored({
      tensorrt: {
        fp16Enable: false,
        int8Enable: true,
        dlaEnable: true,
        dlaCore: 1,
        builderOptimizationLevel: 5,
        deviceId: 0,
      },
      cuda: { gpuMemLimit: 2 ** 31, cudnnConvAlgoSearch: 'HEURISTIC', useTf32: false },
    });
    expect(shim.recorded).toEqual(
      expect.arrayContaining([
        'tensorrt trt_fp16_enable=0',
        'tensorrt trt_int8_enable=1',
        'tensorrt trt_dla_enable=1',
        'tensorrt trt_dla_core=1',
        'tensorrt trt_builder_optimization_level=5',
        'tensorrt device_id=0',
        'cuda gpu_mem_limit=2147483648',
        'cuda cudnn_conv_algo_search=HEURISTIC',
        'cuda use_tf32=0',
      ]),
    );
  });

  it('may compute with 8-bit integers for a quantised bundle alone, unless told otherwise', async () => {
    const quantised = join(folder, 'int8');
    await writeTinyBundle(quantised, (parts) => ({ ...parts, precision: 'int8' }));
    const half = join(folder, 'fp16');
    await writeTinyBundle(half, (parts) => ({ ...parts, precision: 'fp16' }));
    const told = async (path: string, options: ScorerOptions = {}) => {
      shim.behave({});
      await (await Scorer.open(path, { library: shim.library, cache, ...options })).close();
      return shim.recorded.filter((line) => /trt_(int8|fp16)_enable/.test(line)).sort();
    };
    const [fp16, int8] = ['tensorrt trt_fp16_enable=1', 'tensorrt trt_int8_enable=1'];
    expect(await told(bundle)).toEqual([fp16]);
    expect(await told(half)).toEqual([fp16]);
    expect(await told(quantised)).toEqual([fp16, int8]);
    expect(await told(quantised, { tensorrt: { int8Enable: false } })).toEqual([fp16, 'tensorrt trt_int8_enable=0']);
  });

  it.each([
    ['a missing provider library', { FAIL: 'trt-library' }, /tensorrt.*Failed to load library/, 'cuda'],
    ['too little memory', { FAIL: 'trt-session' }, /out of memory/, 'cuda'],
    ['a library without the functions', { MISSING: 'trt' }, /no function createTensorRtOptions/, 'cuda'],
    ['nothing that works', { FAIL: 'trt-library cuda-session' }, /Failed to load library/, 'cpu'],
  ])('are passed over for %s, with the reason in the status', async (_, how, reason, expected) => {
    shim.behave(how);
    const scorer = await open();
    expect(scorer.provider).toBe(expected);
    expect(scorer.rejected[0]).toMatchObject({ provider: 'tensorrt', reason: expect.stringMatching(reason) });
    const config = { site: 's', line: 'l', device: 'd' } as never;
    expect(statusOf('online', config, scorer, [])).toMatchObject({
      provider: expected,
      rejectedProviders: [{ provider: 'tensorrt', reason: expect.stringMatching(reason) }, ...scorer.rejected.slice(1)],
    });
    expect(log.join('\n')).toMatch(reason);
    await scorer.close();
  });

  it('with strict are used or nothing is', async () => {
    await scored({ strict: true });
    expect(shim.recorded).toContain('session session.disable_cpu_ep_fallback=1');
    shim.behave({ FAIL: 'trt-session' });
    await expect(open({ strict: true })).rejects.toThrow(/out of memory/);
  });

  it('need ONNX Runtime 1.17', async () => {
    shim.behave({ VERSION: '1.16.3' });
    await expect(open()).rejects.toMatchObject({
      code: 'RUNTIME_UNAVAILABLE',
      message: expect.stringContaining('it is version 1.16.3, and 1.17 or newer is needed'),
    });
  });

  it('are missing from the library of onnxruntime-node, which says so', async () => {
    const { provider, rejected } = await scored({ library: undefined, providers: ['tensorrt', 'cuda', 'cpu'] });
    expect(provider).toBe('cpu');
    expect(rejected.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('comes without tensorrt'),
      expect.stringContaining('comes without cuda'),
    ]);
  });
});

describe('TensorRT engines', () => {
  it('are built once, and again for other options; the two newest are kept', async () => {
    await scored();
    shim.behave({});
    await scored();
    expect(shim.recorded).toContain('engine loaded');
    for (const builderOptimizationLevel of [1, 2, 4]) {
      shim.behave({});
      await scored({ tensorrt: { builderOptimizationLevel } });
      expect(shim.recorded).toContain('engine built');
    }
    expect(await engines()).toHaveLength(2);
  });

  it('are built anew when a file of the cache is damaged', async () => {
    await scored();
    const [name] = await engines();
    await writeFile(join(cache, 'engines', name as string, 'shim.engine'), 'engine of');
    shim.behave({});
    expect(await scored()).toMatchObject({ provider: 'tensorrt', rejected: [] });
    expect(shim.recorded).toContain('engine built');
    expect(log.join()).toMatch(/damaged/);
  });

  it('are built anew when a build was cut off before the end', async () => {
    await scored();
    const [name] = await engines();
    await rm(join(cache, 'engines', name as string, 'sealed.json'));
    shim.behave({});
    await scored();
    expect(shim.recorded).toContain('engine built');
  });

  it('are built anew when TensorRT refuses them', async () => {
    await scored();
    const place = join(cache, 'engines', (await engines())[0] as string);
    await writeFile(join(place, 'shim.engine'), 'engine of another version');
    const { createHash } = await import('node:crypto');
    const digest = createHash('sha256').update('engine of another version').digest('hex');
    await writeFile(join(place, 'sealed.json'), JSON.stringify({ 'shim.engine': digest }));
    shim.behave({});
    expect(await scored()).toMatchObject({ provider: 'tensorrt', rejected: [] });
    expect(log.join()).toMatch(/refuses its cached engine/);
    expect(await readFile(join(place, 'shim.engine'), 'utf8')).toBe('engine of the shim');
  });

  it('do without a cache where there is no room for one', async () => {
    const full = join(folder, 'full');
    await writeFile(full, '');
    expect(await scored({ cache: full })).toMatchObject({ provider: 'tensorrt', rejected: [] });
    expect(shim.recorded).toContain('engine built, not kept');
    expect(log.join()).toMatch(/keeps no engines/);
  });

  it('are built by one of two processes that start together', async () => {
    const images = join(folder, 'images');
    await mkdir(images, { recursive: true });
    await sharp(picture.data, { raw: { width: TINY_SIZE, height: TINY_SIZE, channels: 3 } }).toFile(
      join(images, 'a.png'),
    );
    const config = join(folder, 'device.json');
    await writeFile(
      config,
      JSON.stringify({
        site: 's',
        line: 'l',
        device: 'd',
        bundle,
        broker: { url: 'mqtt://127.0.0.1:1' },
        runtime: { library: shim.library, cache },
        cameras: [{ name: 'belt', source: { type: 'folder', path: images } }],
      }),
    );
    const device = fileURLToPath(new URL('../../device/bin/beltsight-device.mjs', import.meta.url));
    const start = () => {
      const env = { ...process.env, ...shim.environment({ BUILD_MS: '1500' }) };
      const child = spawn(process.execPath, [device, 'run', '--config', config, '--dry-run'], { env });
      let output = '';
      child.stdout.on('data', (chunk) => {
        output += chunk;
      });
      return once(child, 'close').then(() => output);
    };
    const outputs = await Promise.all([start(), start()]);
    for (const output of outputs) expect(output).toMatch(/golden samples score as they should .*tensorrt/);
    expect(shim.recorded.filter((line) => line.startsWith('engine'))).toEqual(['engine built', 'engine loaded']);
  });
});

describe('WebGPU', () => {
  it('gives the scores of the processor on a software GPU, with buffers on the device', async () => {
    const driver = '/usr/lib/chromium/vk_swiftshader_icd.json';
    if (!existsSync(driver)) throw new Error(`There is no ${driver}: install chromium.`);
    process.env.VK_ICD_FILENAMES = driver;
    const cpu = await scored({ library: undefined, providers: ['cpu'] });
    const gpu = await scored({ library: undefined, providers: ['webgpu', 'cpu'] });
    expect(gpu).toMatchObject({ provider: 'webgpu', rejected: [] });
    expect(Math.abs(gpu.score - cpu.score)).toBeLessThan(1e-3 * Math.max(1, cpu.score));
  });
});

/** What is in use once nobody holds on to garbage. */
function memoryInUse(): { residentMb: number; heapMb: number; arenaMb: number } {
  setFlagsFromString('--expose_gc');
  runInNewContext('gc')();
  const { rss, heapUsed, external } = process.memoryUsage();
  const [, data] = /^VmData:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return { residentMb: rss / 2 ** 20, heapMb: (heapUsed + external) / 2 ** 20, arenaMb: Number(data) / 1024 };
}

describe('10,000 frames', () => {
  it.each(['cpu', 'shim'])('leave memory as it is (%s)', async (which) => {
    const scorer = await open(which === 'cpu' ? { library: undefined, providers: ['cpu'] } : {});
    const afterFrames = async (frames: number) => {
      for (let i = 0; i < frames; i++) await scorer.score(picture);
      return memoryInUse();
    };
    const warm = await afterFrames(2000);
    const end = await afterFrames(8000);
    await scorer.close();
    // 8,000 maps of this size would be 128 MB.
    expect(end.residentMb - warm.residentMb).toBeLessThan(32);
    expect(end.heapMb - warm.heapMb).toBeLessThan(2);
    // Memory that the process has asked the kernel for, ONNX Runtime's arenas among it.
    expect(end.arenaMb - warm.arenaMb).toBeLessThan(4);
  });
});
