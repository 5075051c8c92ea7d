import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../testing/products.js';
import { writeAtomically } from './atomic.js';
import { readTrainConfig } from './config-file.js';
import { readRun } from './run.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const path = (name: string) => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.dispose());

describe('writing a file', () => {
  it('makes the folders it needs', async () => {
    await writeAtomically(path('new/folder/figures.json'), '{}');
    expect(await readFile(path('new/folder/figures.json'), 'utf8')).toBe('{}');
  });

  it('is whole whoever else writes it at the same time, and leaves nothing beside it', async () => {
    const contents = Array.from({ length: 20 }, (_, i) => `${i}`.repeat(5000));
    await Promise.all(contents.map((content) => writeAtomically(path('shared/table.csv'), content)));
    expect(contents).toContain(await readFile(path('shared/table.csv'), 'utf8'));
    expect(await readdir(path('shared'))).toEqual(['table.csv']);
  });

  it('keeps the old content and names the remedy when the disk is full', async () => {
    await writeFile(path('kept'), 'old');
    const random = vi.spyOn(crypto, 'randomUUID').mockReturnValue('01234567-0000-4000-8000-000000000000');
    await symlink('/dev/full', path('kept.01234567.part'));
    await expect(writeAtomically(path('kept'), 'new')).rejects.toMatchObject({
      code: 'IO_FAILED',
      message: expect.stringMatching(/kept cannot be written: the disk is full; free some space/),
    });
    random.mockRestore();
    expect(await readFile(path('kept'), 'utf8')).toBe('old');
  });

  it('names a path that cannot be', async () => {
    await writeFile(path('file'), '');
    await expect(writeAtomically(path('file/inside'), '')).rejects.toThrow(
      /inside cannot be written: .*choose another place/,
    );
  });
});

describe('a training configuration', () => {
  it('comes from a file, and what is given beside it wins', async () => {
    await writeFile(path('config.yaml'), 'data: [products]\nepochs: 7\nsize: 64\n');
    expect(await readTrainConfig(path('config.yaml'), { epochs: 9 })).toMatchObject({
      epochs: 9,
      size: 64,
      loss: 'ccl',
    });
  });

  it('names a mistyped key with the nearest known one, at any depth', async () => {
    await writeFile(path('typo.yaml'), 'data: [products]\nepoch: 7\nglobal: { taux: 0.1 }\n');
    const read = readTrainConfig(path('typo.yaml'), {});
    await expect(read).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(read).rejects.toThrow(/typo\.yaml[\s\S]*"epoch"; did you mean "epochs"/);
    await expect(read).rejects.toThrow(/"global\.taux"; did you mean "tau"/);
  });

  it('names a value out of range, a file that is no configuration, and one that is not there', async () => {
    await expect(readTrainConfig(undefined, { data: ['x'], size: 100 })).rejects.toThrow(
      /size: must be a multiple of 32/,
    );
    await writeFile(path('list.yaml'), '- 1\n');
    await expect(readTrainConfig(path('list.yaml'), {})).rejects.toThrow(/list\.yaml must hold keys and values/);
    await expect(readTrainConfig(path('absent.yaml'), {})).rejects.toThrow(/absent\.yaml cannot be read/);
  });
});

it('a folder that is no run is named', async () => {
  await expect(readRun(path('absent-run'))).rejects.toMatchObject({
    code: 'RUN_INVALID',
    message: expect.stringContaining('absent-run is no run folder'),
  });
});
