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

  it('waits while another one holds it, for a while', async () => {
    const holder = await EngineCache.open(root, { model: 1 });
    const lines: string[] = [];
    const waiting = EngineCache.open(root, { model: 1 }, { pollMs: 5, log: (line) => lines.push(line) });
    await waitFor(() =>
      expect(lines).toEqual([expect.stringContaining(`Process ${process.pid} builds the same engine`)]),
    );
    await expect(EngineCache.open(root, { model: 1 }, { pollMs: 5, waitMs: 20 })).rejects.toThrow(/has held/);
    await build({ model: 2 });
    await build({ model: 3 });
    expect(existsSync(holder.folder)).toBe(true);
    await holder.release();
    await (await waiting).release();
  });

  it('is free after a power cut, though another process has the id of the one that held it', async () => {
    const folder = await build({ model: 1 });
    // The parent of this process lives.
    await writeFile(join(folder, 'lock'), `${process.ppid}`);
    const cache = await EngineCache.open(root, { model: 1 }, { waitMs: 0, pollMs: 5 });
    expect(cache.filled).toBe(true);
    await cache.release();
  });
});
