import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, writeTinyClass } from '../testing/products.js';
import { readTrainConfig } from './config-file.js';
import type { Reporter } from './loop.js';
import { readRunDescription } from './run.js';
import { train } from './train.js';

const TINY = { size: 32, width: 8, epochs: 2, batch: 4, heldOut: 0.25, threads: 1 };

describe('training', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let data: string;

  beforeAll(async () => {
    folder = await temporaryFolder();
    data = join(folder.path, 'products');
    await writeTinyClass(data, 'bolt');
    await writeTinyClass(data, 'plate');
    await train(await config(), { out: run('first') });
  }, 60_000);
  afterAll(() => folder.dispose());

  const run = (name: string) => join(folder.path, name);
  const config = (more: object = {}) => readTrainConfig(undefined, { data: [data], ...TINY, ...more });
  const bits = async (name: string) =>
    Promise.all(
      ['best.safetensors', 'checkpoint.safetensors', 'metrics.jsonl'].map((f) => readFile(join(run(name), f))),
    );
  /** A reporter that acts once a number of steps are done. */
  const afterSteps = (count: number, act: () => void): (() => Reporter) => {
    let steps = 0;
    return () => ({
      stepDone: () => {
        if (++steps === count) act();
      },
    });
  };

  it('gives the same bits for the same seed, with a stop within an epoch or without', async () => {
    const name = 'stopped';
    const stopper = new AbortController();
    const reporter = afterSteps(4, () => stopper.abort());
    const { end } = await train(await config(), { out: run(name), signal: stopper.signal, reporter });
    expect(end).toBe('interrupted');
    expect((await train(undefined, { out: run(name), resume: true })).end).toBe('finished');
    for (const [i, file] of (await bits(name)).entries())
      expect(file.equals((await bits('first'))[i] as Buffer)).toBe(true);
  });

  it('goes on by another engine, which the run records beside what it started with', async () => {
    const name = 'moved';
    const stopper = new AbortController();
    const reporter = afterSteps(1, () => stopper.abort());
    await train(await config(), { out: run(name), signal: stopper.signal, reporter });
    const resumed = train(undefined, { out: run(name), resume: true, computing: { threads: 0 } });
    await expect(resumed).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('threads'),
    });
    // An engine that cannot be had leaves the run its own.
    const refused = train(undefined, {
      out: run(name),
      resume: true,
      computing: { engine: 'native', provider: 'cuda' },
    });
    await expect(refused).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await train(undefined, { out: run(name), resume: true, computing: { threads: 2 } });
    const { config: now, earlier } = await readRunDescription(run(name));
    expect(now.threads).toBe(2);
    expect(earlier).toEqual([{ until: expect.any(String), engine: 'compiled', provider: 'cpu', threads: 1 }]);
  });

  it('leaves no run behind where its engine cannot be had', async () => {
    const started = train(await config({ engine: 'native', provider: 'cuda' }), { out: run('no-engine') });
    await expect(started).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(existsSync(run('no-engine'))).toBe(false);
  });

  it('goes on after the process was killed between two checkpoints', async () => {
    const name = 'killed';
    const file = join(folder.path, 'config.json');
    await writeFile(file, JSON.stringify(await config()));
    const command = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
    const flags = ['--conditions=source', '--import', 'tsx', command, 'train', '--config', file, '--out', run(name)];
    const child = spawn(process.execPath, flags, { stdio: ['ignore', 'ignore', 'pipe'] });
    const exit = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    // Its first line of an epoch: a checkpoint follows, then more steps that it does not vouch for.
    for await (const chunk of child.stderr) if (/^epoch 1/m.test(String(chunk))) child.kill('SIGKILL');
    expect(await exit).toBe('SIGKILL');
    await train(undefined, { out: run(name), resume: true });
    for (const [i, bytes] of (await bits(name)).entries())
      expect(bytes.equals((await bits('first'))[i] as Buffer)).toBe(true);
  });

  it('trains one class with ccl, says so, and leaves the contrastive losses out', async () => {
    await writeTinyClass(run('single'), 'plate', 5);
    const lines: string[] = [];
    const options = { out: run('one'), log: (line: string) => lines.push(line) };
    await train(await config({ data: [run('single')], epochs: 1 }), options);
    expect(lines.join('\n')).toContain('one class has nothing to be contrasted with');
    const metrics = await readFile(join(run('one'), 'metrics.jsonl'), 'utf8');
    expect(JSON.parse(metrics.split('\n')[0] as string)).toMatchObject({ local: 0, global: 0 });
  });

  it('names every image that cannot be used before it starts', async () => {
    const good = await writeTinyClass(run('damaged'), 'bolt', 4);
    const whole = await readFile(join(good, '0.png'));
    await writeFile(join(good, '1.png'), whole.subarray(0, whole.length / 2));
    await writeFile(join(good, '2.png'), 'this is no image');
    const started = train(await config({ data: [run('damaged')] }), { out: run('never') });
    await expect(started).rejects.toMatchObject({
      code: 'IMAGE_UNREADABLE',
      message: expect.stringMatching(/1\.png.*damaged or no image; replace or remove[\s\S]*2\.png.*replace or remove/),
    });
  });

  it('refuses a folder that is in use, one that is no run, and one below a file', async () => {
    await expect(train(await config(), { out: run('first') })).rejects.toThrow(/holds a run already: add --resume/);
    await expect(train(await config(), { out: data })).rejects.toThrow(/is not empty: empty it, or choose/);
    // Before it looks at anything else.
    const nothing = await config({ data: ['nowhere'] });
    await expect(train(nothing, { out: run('first') })).rejects.toThrow(/holds a run already/);
    await expect(train(undefined, { out: data, resume: true })).rejects.toMatchObject({ code: 'RUN_INVALID' });
    await writeFile(run('file'), '');
    await expect(train(await config(), { out: join(run('file'), 'run') })).rejects.toMatchObject({
      code: 'IO_FAILED',
      message: expect.stringContaining('choose another place'),
    });
  });

  it('refuses to go on with other images than it was started with', async () => {
    const file = join(data, 'bolt', 'train', 'good', '0.png');
    const picture = await readFile(file);
    // Of the same size, as those of one camera are.
    await writeFile(file, picture.fill(0, 8));
    await expect(train(undefined, { out: run('first'), resume: true })).rejects.toMatchObject({
      code: 'RUN_INVALID',
      message: expect.stringContaining('put them back'),
    });
  });
});
