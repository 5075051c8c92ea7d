import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { waitFor } from '../../../../test/support/patience.js';
import { EngineCache } from './engine-cache.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'beltsight-engines-'));
});
afterEach(() => rm(root, { recursive: true }));

async function build(key: object, text = 'engine'): Promise<string> {
  const cache = await EngineCache.open(root, key as never);
  await writeFile(join(cache.folder, 'a.engine'), text);
  await cache.seal();
  await cache.release();
  return cache.folder;
}

const filled = async (key: object) => {
  const cache = await EngineCache.open(root, key as never);
  await cache.release();
  return cache.filled;
};

describe('EngineCache', () => {
  it('has engines for the very key they were sealed under', async () => {
    expect(await filled({ model: 1 })).toBe(false);
    const folder = await build({ model: 1 });
    expect(await filled({ model: 1 })).toBe(true);
    expect(await filled({ model: 1, tensorrt: '100300' })).toBe(false);
    expect(JSON.parse(await readFile(join(folder, 'key.json'), 'utf8'))).toEqual({ model: 1 });
  });

  it.each([
    ['cut short', (folder: string) => writeFile(join(folder, 'a.engine'), 'eng')],
    ['gone', (folder: string) => rm(join(folder, 'a.engine'))],
    ['not sealed', (folder: string) => rm(join(folder, 'sealed.json'))],
    ['under a damaged seal', (folder: string) => writeFile(join(folder, 'sealed.json'), '{"a.eng')],
  ])('throws away an engine that is %s', async (_, damage) => {
    const folder = await build({ model: 1 });
    await damage(folder);
    expect(await filled({ model: 1 })).toBe(false);
    expect(existsSync(join(folder, 'a.engine'))).toBe(false);
  });

  it('keeps the newest and the one before', async () => {
    for (const model of [1, 2, 3]) await build({ model });
    expect(await readdir(root)).toHaveLength(2);
    expect([await filled({ model: 2 }), await filled({ model: 3 })]).toEqual([true, true]);
  });

  it('waits while a living process holds it, and takes over from a dead one', async () => {
    const folder = await build({ model: 1 });
    const lock = join(folder, 'lock');
    // The parent of this process lives.
    await writeFile(lock, String(process.ppid));
    const lines: string[] = [];
    const waiting = EngineCache.open(root, { model: 1 }, { pollMs: 5, log: (line) => lines.push(line) });
    await waitFor(() =>
      expect(lines).toEqual([expect.stringContaining(`Process ${process.ppid} builds the same engine`)]),
    );
    await rm(lock);
    await (await waiting).release();
    await writeFile(lock, String(process.ppid));
    await expect(EngineCache.open(root, { model: 1 }, { pollMs: 5, waitMs: 20 })).rejects.toThrow(/has held/);
    await writeFile(lock, '999999999');
    expect(await filled({ model: 1 })).toBe(true);
  });
});
