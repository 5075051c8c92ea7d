import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeHeatmap } from '@beltsight/sdk';
import { v7 } from 'uuid';
import { describe, expect, it } from 'vitest';
import { ExampleBench } from '../support/example-bench.js';
import { waitFor } from '../support/patience.js';
import { ROOT, start } from '../support/processes.js';

const bench = ExampleBench.forThisFile();

describe('the Python subscriber', () => {
  function subscribe(...args: string[]) {
    const script = join(ROOT, 'examples/python/beltsight_subscriber.py');
    return bench.ending(start('/usr/bin/python3', [script, '--port', `${bench.port}`, ...args], { cwd: bench.folder }));
  }
  const saved = async (out: string) =>
    (await readdir(out, { recursive: true })).filter((name) => name.endsWith('.png'));

  it('hands out each result once and saves the heatmaps of rejects, whichever comes first', async () => {
    const out = join(bench.folder, 'rejects');
    const { output } = subscribe('--line', 'python', '--out', out);
    await waitFor(() => expect(output()).toMatch(/connected/));
    const device = await bench.scripted('python');
    await device.status();
    const ids = [v7(), v7(), v7()] as const;
    await device.heatmap(ids[0]);
    await device.result({ id: ids[0] }, 3);
    await device.heatmap(ids[1]);
    await device.result({ id: ids[1], verdict: 'pass' });
    await device.result({ id: ids[2], verdict: 'unknown' });
    await device.heatmap(ids[2]);
    await waitFor(async () => expect(await saved(out)).toHaveLength(2));
    const names = (await saved(out)).sort();
    expect(names).toEqual(
      [ids[0], ids[2]].map((id) => expect.stringMatching(new RegExp(`^belt/\\d{8}T\\d{6}-${id}\\.png$`))),
    );
    expect(decodeHeatmap(await readFile(join(out, names[0] as string))).id).toBe(ids[0]);
    expect(
      output()
        .split('\n')
        .filter((line) => line.includes(ids[0])),
    ).toHaveLength(1);
    expect(output()).toMatch(/plant1\/python\/jetson7 online/);
  });

  it('goes on after messages that are none', async () => {
    const { output } = subscribe('--line', 'strange', '--out', join(bench.folder, 'strange'));
    await waitFor(() => expect(output()).toMatch(/connected/));
    const device = await bench.scripted('strange');
    const topic = 'beltsight/1/plant1/strange/jetson7/camera/belt';
    const strange = ['', '{', '[]', '{"schema":"beltsight.result/1"}', '['.repeat(100_000)];
    for (const payload of strange) await device.publish(`${topic}/result`, payload);
    await device.publish(`${topic}/heatmap`, '\u0089PNG');
    await device.publish('beltsight/1/plant1/strange/jetson7/status', '{"schema":"beltsight.status/1","cameras":7}');
    const { id } = await device.result();
    await waitFor(() => expect(output()).toContain(id));
    expect(
      output()
        .split('\n')
        .filter((line) => line.startsWith(topic)),
    ).toHaveLength(strange.length + 1);
  });

  it('follows a real device after the broker was restarted', async () => {
    const out = join(bench.folder, 'real');
    const { output } = subscribe('--line', 'restart', '--client-id', 'examples-python', '--out', out);
    await waitFor(() => expect(output()).toMatch(/connected/));
    await bench.restartBroker();
    await waitFor(() => expect(output().match(/connected/g)).toHaveLength(2));
    const results = await bench.inspect('restart', 6);
    const lines = () =>
      output()
        .split('\n')
        .filter((line) => /pass|reject/.test(line));
    await waitFor(() => expect(lines().map((line) => line.split(' ').at(-1))).toEqual(results.map(({ id }) => id)));
    const rejects = results.filter(({ verdict }) => verdict === 'reject');
    await waitFor(async () => expect(await saved(out)).toHaveLength(rejects.length));
  });
});
