import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../support/processes.js';
import { writeTinyBundle } from '../support/tiny-bundle.js';

const run = promisify(execFile);

let bundle: string;
beforeAll(async () => {
  bundle = await mkdtemp(join(tmpdir(), 'beltsight-embedding-'));
  await writeTinyBundle(bundle);
});
afterAll(() => rm(bundle, { recursive: true }));

describe('A program that loads a library by Koffi before the device', () => {
  const opens = async (order: string[]) => {
    const script = [
      ...order,
      `const scorer = await Scorer.open(${JSON.stringify(bundle)}, { providers: ['cpu'] })`,
      'console.log(scorer.provider); await scorer.close()',
    ].join(';\n');
    return run(process.execPath, ['--input-type=module', '-e', script], { cwd: ROOT });
  };
  const load = "(await import('koffi')).default.load('libc.so.6')";
  const device = "const { Scorer } = await import('@beltsight/device')";

  it('imports it, and hears from the scorer what to do', async () => {
    await expect(opens([load, device])).rejects.toMatchObject({
      stderr: expect.stringMatching(/BeltsightError: .*import @beltsight\/device before it/),
    });
  });

  it('scores when it does so', async () => {
    expect(await opens([device, load])).toMatchObject({ stdout: 'cpu\n' });
  });
});
