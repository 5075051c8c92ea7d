import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TINY_SIZE, tinyImage, writeTinyBundle } from '../../../test/support/tiny-bundle.js';
import { withMachine } from '../doctor/fixtures/fixture.js';
import { ORIN } from '../doctor/fixtures/orin.js';
import type { Machine } from '../doctor/machine.js';
import { watchConditions } from './conditions.js';
import { latencyOf } from './latency.js';
import { measure } from './measure.js';
import { reportOf } from './report.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-bench-'));
  await writeTinyBundle(join(folder, 'bundle'));
  await writeTinyBundle(join(folder, 'bare'), (parts) => ({ ...parts, golden: [], extra: new Map() }));
});
afterAll(() => rm(folder, { recursive: true }));

const never = new AbortController().signal;
const onOrin = <T>(use: (machine: Machine) => Promise<T>) => withMachine(ORIN, use);

describe('bench', () => {
  it('scores a golden sample for the time asked, and reports each stage, heat and clocks', async () => {
    const bundle = join(folder, 'bundle');
    const figures = await onOrin((machine) => measure({ bundle, seconds: 1.2, threads: 1 }, machine, never));
    expect(figures).toMatchObject({
      model: { name: 'tiny', size: TINY_SIZE },
      frame: { source: join(bundle, 'golden/000.png'), width: TINY_SIZE },
      provider: 'cpu',
      threads: 1,
      conditions: {
        brakes: [],
        clocks: [
          { name: 'cpu0', fell: false },
          { name: 'cpu4', fell: false },
          { name: '17000000.gpu', firstMhz: 1020, fell: false },
        ],
      },
    });
    expect(figures.seconds).toBeGreaterThanOrEqual(1.2);
    expect(figures.framesPerSecond).toBeCloseTo(figures.frames / figures.seconds);
    expect(figures.stages.score?.count).toBe(figures.frames);
    expect(figures.stages.heatmap?.count).toBe(figures.frames);
    const report = reportOf(figures);
    expect(report).toMatch(/^model {6}"tiny" [0-9a-f]{16}, 32 x 32 pixels$/m);
    expect(report).toMatch(/^runs on {4}cpu, ONNX Runtime \d+\.\d+\.\d+, threads: 1\b/m);
    expect(report).toMatch(/^heat {7}cpu-thermal 49 to 49 °C, gpu-thermal 50 to 50 °C/m);
    expect(report).toMatch(/^clocks {5}none of 3 fell$/m);
    expect(report).toMatch(
      /^score {6}p50 [\d.]+ ms {3}p90 [\d.]+ ms {3}p99 [\d.]+ ms {3}max [\d.]+ ms\n.* ms +\d+ [█▏▎▍▌▋▊▉]+$/m,
    );
  });

  it('scores the picture it is given, and ends when told to, with the figures so far', async () => {
    const image = join(folder, 'frame.png');
    const size = 48;
    await sharp(tinyImage('blue', 255, size), { raw: { width: size, height: size, channels: 3 } }).toFile(image);
    const stopping = new AbortController();
    setTimeout(() => stopping.abort(), 700);
    const options = { bundle: join(folder, 'bare'), image, seconds: 600 };
    const figures = await onOrin((machine) => measure(options, machine, stopping.signal));
    expect(figures.frame).toEqual({ source: image, width: size, height: size });
    expect(figures.seconds).toBeLessThan(60);
    expect(figures.frames).toBeGreaterThan(0);
  });

  it('has no figures for stages if it is stopped before the first frame', async () => {
    const options = { bundle: join(folder, 'bundle'), seconds: 5 };
    const figures = await withMachine({ files: {}, commands: {} }, (machine) =>
      measure(options, machine, AbortSignal.abort()),
    );
    expect(figures).toMatchObject({ frames: 0, framesPerSecond: 0, stages: {} });
    expect(reportOf(figures)).toMatch(
      /0 frames in 0\.0 s[\s\S]*heat +the kernel shows none\nclocks +the kernel shows none$/,
    );
  });

  it('asks for a picture where the bundle has none, and names one that is not there', async () => {
    const bare = { bundle: join(folder, 'bare'), seconds: 1 };
    await onOrin(async (machine) => {
      await expect(measure(bare, machine, never)).rejects.toMatchObject({
        code: 'ARGUMENT_INVALID',
        message: /--image/,
      });
      await expect(measure({ ...bare, image: '/no/such.png' }, machine, never)).rejects.toThrow(/\/no\/such\.png/);
    });
  });
});

describe('latencies', () => {
  it('have exact percentiles, by nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => ((i * 37) % 100) + 1);
    expect(latencyOf(hundred)).toMatchObject({ count: 100, meanMs: 50.5, p50Ms: 50, p90Ms: 90, p99Ms: 99, maxMs: 100 });
    expect(latencyOf([7])).toMatchObject({ p50Ms: 7, p99Ms: 7, maxMs: 7, histogram: [{ count: 1 }] });
  });

  it('fall each into one bucket of the histogram, without gaps between buckets', () => {
    const samples = fc.array(fc.double({ min: 0, max: 1e5, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(samples, (values) => {
        const { histogram, maxMs } = latencyOf(values);
        expect(histogram.reduce((sum, { count }) => sum + count, 0)).toBe(values.length);
        expect(histogram.at(-1)?.toMs).toBeGreaterThan(maxMs * (1 - 1e-12));
        for (const [i, { fromMs }] of histogram.slice(1).entries()) expect(fromMs).toBe(histogram[i]?.toMs);
      }),
    );
  });
});

describe('conditions', () => {
  it('tell of clocks that fell, of brakes and of rising heat', async () => {
    await onOrin(async (orin) => {
      const gpu = '/sys/class/devfreq/17000000.gpu/cur_freq';
      const changed: Record<string, string> = {
        [gpu]: '612000000',
        '/sys/devices/system/cpu/cpufreq/policy4/scaling_max_freq': '1190400',
        '/sys/class/thermal/thermal_zone1/temp': '99500',
        '/sys/class/thermal/cooling_device2/cur_state': '1',
      };
      const stopping = new AbortController();
      let looks = 0;
      const machine: Machine = {
        async read(path) {
          if (path === gpu && ++looks === 30) stopping.abort();
          return (looks > 10 ? changed[path] : undefined) ?? orin.read(path);
        },
        list: (path) => orin.list(path),
        run: orin.run,
      };
      const watching = watchConditions(machine, stopping.signal, 1);
      const { temperatures, clocks, brakes } = await watching;
      expect(temperatures).toContainEqual({ name: 'gpu-thermal', startCelsius: 49.812, endCelsius: 99.5 });
      expect(clocks.map(({ name, fell }) => [name, fell])).toEqual([
        ['cpu0', false],
        ['cpu4', true],
        ['17000000.gpu', true],
      ]);
      expect(brakes).toEqual(['gpu-throttle-alert']);
    });
  });
});
