import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { temporaryFolder, writeTinyClass } from '../testing/products.js';
import { removeParts, writeAtomically } from './atomic.js';
import { newTrainConfigSchema, trainConfigSchema } from './config.js';
import { readTrainConfig } from './config-file.js';
import { continuedBy, createRun, type Run, readRun } from './run.js';
import { train } from './train.js';

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

  it('leaves a file beside it where it is killed, which goes with the next training in the folder', async () => {
    await writeAtomically(path('run/checkpoint.safetensors'), 'whole');
    await writeFile(path('run/checkpoint.safetensors.0123abcd.part'), 'half');
    await removeParts(path('run'));
    expect(await readdir(path('run'))).toEqual(['checkpoint.safetensors']);
  });

  it('does not keep a run from its folder where it is killed before there is one', async () => {
    await mkdir(path('begun'));
    await writeFile(path('begun/run.json.0123abcd.part'), 'half');
    await createRun(path('begun'), async () => ({}) as Run);
    expect(await readdir(path('begun'))).toEqual(['run.json']);
    await expect(createRun(path('begun'), async () => ({}) as Run)).rejects.toThrow('holds a run already');
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

  it('of an earlier run is read though it would not be begun any more', () => {
    const config = { data: ['products'], sampler: 'shuffle', global: { denominator: 'neg_only' } };
    expect(trainConfigSchema.safeParse(config).success).toBe(true);
    expect(newTrainConfigSchema.safeParse(config).success).toBe(false);
  });

  it('says that a run goes on with other versions, or other cores where nobody chose how many threads compute', () => {
    const run = (threads?: number) =>
      ({
        ...{ config: trainConfigSchema.parse({ data: ['products'], threads }), cores: 8, earlier: [], versions },
      }) as unknown as Run;
    const versions = { 'onnxruntime-node': '1.30.0' };
    expect(continuedBy(run(), {}, { cores: 8, versions }).earlier).toEqual([]);
    const fewer = { cores: 4, versions };
    expect(continuedBy(run(), {}, fewer)).toMatchObject({ cores: 4, earlier: [{ threads: 8, engine: 'compiled' }] });
    expect(continuedBy(run(2), {}, fewer).earlier).toEqual([]);
    expect(continuedBy(run(), { threads: 8 }, fewer)).toMatchObject({ config: { threads: 8 }, cores: 4 });
    const newer = { 'onnxruntime-node': '1.31.0' };
    expect(continuedBy(run(), {}, { cores: 8, versions: newer })).toMatchObject({
      versions: newer,
      earlier: [{ threads: 8, versions }],
    });
  });

  it('is refused before the first step where it compares more than there is memory for', async () => {
    const products = path('products');
    await writeTinyClass(products, 'bolt');
    await writeTinyClass(products, 'plate');
    const config = await readTrainConfig(undefined, { data: [products], size: 1024, batch: 64, local: { k: 3 } });
    await expect(train(config, { out: path('too-large') })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/^local: .* 140737.5 GB \(batch 64, 1024x1024, scale 1\), and this machine has/),
    });
    await expect(readdir(path('too-large'))).rejects.toThrow('ENOENT');
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
