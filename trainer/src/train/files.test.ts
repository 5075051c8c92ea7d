import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

  it('keeps the old content and names the remedy when the disk is full', async () => {
    await writeFile(path('kept'), 'old');
    await symlink('/dev/full', path('kept.part'));
    await expect(writeAtomically(path('kept'), 'new')).rejects.toMatchObject({
      code: 'IO_FAILED',
      message: expect.stringMatching(/kept cannot be written: the disk is full; free some space/),
    });
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
