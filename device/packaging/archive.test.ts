import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { archive } from './archive.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'beltsight-archive-'));
});
afterEach(() => rm(root, { recursive: true }));

async function packed(parent: string, names: readonly string[], mode: number, year: number) {
  const folder = join(root, parent, 'package');
  await mkdir(folder, { recursive: true });
  for (const name of names) {
    await writeFile(join(folder, name), name);
    await chmod(join(folder, name), mode);
    await utimes(join(folder, name), new Date(year, 0), new Date(year, 0));
  }
  const file = join(root, `${parent}.tar.gz`);
  await archive(folder, file, 1_700_000_000);
  return file;
}

describe('archive', () => {
  it('gives the same bytes for the same files, whenever and in whatever order they were written', async () => {
    const first = await packed('first', ['a', 'b'], 0o644, 2020);
    const second = await packed('second', ['b', 'a'], 0o600, 2024);
    expect(await readFile(second)).toEqual(await readFile(first));
  });

  it('gives everything to root, readable for all, and keeps what can be run', async () => {
    const list = execFileSync('tar', ['-tvzf', await packed('first', ['run'], 0o700, 2020)], {
      encoding: 'utf8',
      env: { ...process.env, TZ: 'UTC' },
    });
    expect(list).toMatch(/^drwxr-xr-x 0\/0 .* package\/$/m);
    expect(list).toMatch(/^-rwxr-xr-x 0\/0 +3 2023-11-14 22:13 package\/run$/m);
  });

  it('says why it failed', async () => {
    await expect(archive(join(root, 'nothing'), join(root, 'x.tar.gz'), 0)).rejects.toThrow(/tar ended with status 2/);
  });
});
