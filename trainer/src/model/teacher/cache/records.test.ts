import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../../../testing/products.js';
import { cachedBackbone, cachedBackbones, cacheFiles, cacheFolder } from './records.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
  vi.stubEnv('XDG_CACHE_HOME', folder.path);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await folder.dispose();
});

describe('the folder of the cache', () => {
  it('is in $XDG_CACHE_HOME, which counts only where it is an absolute path', () => {
    expect(cacheFolder()).toBe(join(folder.path, 'beltsight', 'backbones'));
    vi.stubEnv('XDG_CACHE_HOME', 'cache');
    vi.stubEnv('HOME', '/home/somebody');
    expect(cacheFolder()).toBe('/home/somebody/.cache/beltsight/backbones');
  });

  it('that cannot be read is named', async () => {
    await mkdir(dirname(cacheFolder()), { recursive: true });
    await writeFile(cacheFolder(), 'a file in its place');
    const error = { code: 'BACKBONE_INVALID', message: expect.stringContaining(cacheFolder()) };
    await expect(cachedBackbones()).rejects.toMatchObject(error);
    await expect(cachedBackbone('mine')).rejects.toMatchObject(error);
  });

  it('gives no way out of it by a name', async () => {
    await mkdir(cacheFolder(), { recursive: true });
    await writeFile(join(cacheFolder(), '..', 'outside.json'), '{}');
    expect(await cachedBackbone('../outside')).toBeUndefined();
    expect(cacheFiles('mine').weights).toBe(join(cacheFolder(), 'mine.safetensors'));
  });
});
