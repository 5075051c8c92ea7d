import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Verdict } from '@beltsight/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resultOf } from '../../../test/support/result-message.js';
import { digestOf, type FramesOptions, KeptFrames } from './frames.js';
import type { KeptFrame } from './record.js';

let base: string;
let folder: string;
let marked: string;
let warnings: string[];
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'beltsight-frames-'));
  [folder, marked] = [join(base, 'rejects'), join(base, 'feedback')];
  warnings = [];
});
afterEach(() => rm(base, { recursive: true }));

const BYTES = 1000;
const open = (change: Partial<FramesOptions> = {}) =>
  KeptFrames.open({
    folder,
    marked,
    keep: 3,
    quotaBytes: 1e6,
    reserveBytes: 0,
    about: { device: 'd' },
    logger: { warn: (first: unknown, text = first) => void warnings.push(String(text)) },
    ...change,
  });

/** Keeps a frame whose image, for these files, may be any bytes. */
async function add(frames: KeptFrames, verdict: Verdict = 'reject'): Promise<KeptFrame> {
  const result = resultOf({ verdict, sequence: 7 });
  const png = Buffer.alloc(BYTES, result.id);
  const frame = { format: 'NV12', width: 4, height: 2 };
  const record: KeptFrame = {
    ...{ schema: 'beltsight.kept-frame/1', result, frame },
    ...{ sha256: digestOf(png), sizeBytes: png.length },
  };
  await frames.add(record, png);
  return record;
}
const idOf = ({ result }: KeptFrame) => result.id;
const mark = (className = 'cap') => ({
  judgement: 'false-alarm' as const,
  class: className,
  by: 'ada',
  at: '2026-01-02T00:00:00.000Z',
});
const names = (path: string) => readdir(path).then((found) => found.sort());
const good = (className = 'cap') => join(marked, className, 'train', 'good');
const lines = async (className = 'cap') =>
  (await readFile(join(marked, className, 'collected.jsonl'), 'utf8')).split('\n').filter(Boolean);

describe('kept frames', () => {
  it('become good images of a data set when they are marked, with what model and person said of them', async () => {
    const frames = await open();
    const record = await add(frames);
    const png = await readFile(join(folder, `${idOf(record)}.png`));
    expect(frames.figures).toEqual({ kept: 1, waiting: 0 });
    expect(await frames.mark(idOf(record), mark())).toMatchObject({ isNew: true });
    expect(await readFile(join(good(), `${idOf(record)}.png`))).toEqual(png);
    expect(await names(folder)).toEqual([`${idOf(record)}.json`]);
    expect((await lines()).map((line) => JSON.parse(line))).toEqual([
      {
        ...{ file: `${idOf(record)}.png`, capturedAt: '2026-01-01T00:00:00.000Z', device: 'd', camera: 'belt' },
        frame: { format: 'NV12', width: 4, height: 2, sequence: 7 },
        ...{ result: idOf(record), verdict: 'reject', score: 2, threshold: 1, pValue: 0.5, class: 'cap' },
        ...{ modelId: 'model', judgement: 'false-alarm', by: 'ada', judgedAt: '2026-01-02T00:00:00.000Z' },
      },
    ]);
    expect(frames.figures).toEqual({ kept: 0, waiting: 1 });
  });

  it('are marked once, also after a restart and after they were sent', async () => {
    const first = await open();
    const record = await add(first);
    await first.mark(idOf(record), mark('cap'));
    for (const frames of [first, await open()]) {
      const again = await frames.mark(idOf(record), mark('gear'));
      expect(again).toMatchObject({ isNew: false, record: { mark: { class: 'cap' } } });
    }
    await first.sent(first.waiting[0] as KeptFrame);
    expect(await names(good())).toEqual([]);
    expect(await lines()).toEqual([]);
    const later = await open();
    expect(later.figures).toEqual({ kept: 0, waiting: 0 });
    expect(await later.mark(idOf(record), mark())).toMatchObject({ isNew: false });
    expect(await later.mark('019aa8f2-6c0e-7c55-a3a2-ffffffffffff', mark())).toBeUndefined();
  });

  it('go, the oldest first, when there are too many or they take too much; marked ones stay', async () => {
    const frames = await open({ quotaBytes: 3 * BYTES });
    const records = [await add(frames), await add(frames)] as const;
    await frames.mark(idOf(records[0]), mark());
    const later = [await add(frames), await add(frames), await add(frames)];
    expect(frames.find(idOf(records[1]))).toBeUndefined();
    expect(later.map((record) => frames.find(idOf(record)) !== undefined)).toEqual([false, true, true]);
    const many = await open({ keep: 1 });
    expect(many.figures).toEqual({ kept: 1, waiting: 1 });
    expect(await names(good())).toHaveLength(1);
    expect(await names(folder)).toHaveLength(3);
  });

  it('are not kept where marked ones take all the room, or the disk is nearly full', async () => {
    const frames = await open({ quotaBytes: 1.5 * BYTES });
    await frames.mark(idOf(await add(frames)), mark());
    await expect(add(frames)).rejects.toMatchObject({
      code: 'IO_FAILED',
      message: expect.stringMatching(/feedback take .*send them to an inbox/),
    });
    const poor = await open({ reserveBytes: 1e18 });
    await expect(add(poor)).rejects.toThrow(/The disk of .*rejects has .* are kept free/);
    expect(poor.waiting).toHaveLength(1);
  });

  it('are found after a power cut at any moment of keeping and marking', async () => {
    const before = await open({ keep: 10 });
    const [whole, unwritten, torn, lost, moving] = [
      await add(before),
      await add(before),
      await add(before),
      await add(before),
      await add(before),
    ] as const;
    const file = (record: KeptFrame, ending: string) => join(folder, `${idOf(record)}.${ending}`);
    await rm(file(unwritten, 'json'));
    await writeFile(file(torn, 'png'), 'short');
    await writeFile(file(lost, 'json'), '{"schema":"beltsight.kept-fr');
    await writeFile(join(folder, 'x.png.part'), 'half');
    await before.mark(idOf(moving), mark());
    // Marked, but not moved yet.
    await rename(join(good(), `${idOf(moving)}.png`), file(moving, 'png'));
    await rm(join(marked, 'cap', 'collected.jsonl'));
    const frames = await open({ keep: 10 });
    expect(frames.figures).toEqual({ kept: 1, waiting: 1 });
    expect(frames.find(idOf(whole))).toEqual(whole);
    expect(await names(good())).toEqual([`${idOf(moving)}.png`]);
    expect(await lines()).toHaveLength(1);
    expect(await names(folder)).toEqual(
      [`${idOf(whole)}.json`, `${idOf(whole)}.png`, `${idOf(moving)}.json`].sort((a, b) => (a < b ? -1 : 1)),
    );
    expect(warnings).toEqual(['2 rejected frames of before are damaged on disk: they were thrown away.']);
  });

  it('are not marked nor sent when a bit has flipped', async () => {
    const frames = await open();
    const [first, second] = [await add(frames), await add(frames)] as const;
    const flip = async (file: string) => {
      const bytes = await readFile(file);
      bytes[500] = (bytes[500] as number) ^ 1;
      await writeFile(file, bytes);
    };
    await flip(join(folder, `${idOf(first)}.png`));
    await expect(frames.mark(idOf(first), mark())).rejects.toThrow(/damaged on disk/);
    expect(frames.find(idOf(first))).toBeUndefined();
    await frames.mark(idOf(second), mark());
    await flip(join(good(), `${idOf(second)}.png`));
    expect(await frames.read(frames.waiting[0] as KeptFrame)).toBeUndefined();
    expect(frames.waiting).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(/is damaged on disk/)]);
  });

  it('wait for a disk that cannot be written', async () => {
    await mkdir(base, { recursive: true });
    await writeFile(folder, 'a file');
    const frames = await open();
    expect(warnings).toHaveLength(1);
    await expect(add(frames)).rejects.toMatchObject({
      code: 'IO_FAILED',
      message: expect.stringMatching(/cannot be kept in .*rejects/),
    });
    await rm(folder);
    await add(frames);
    expect(frames.figures.kept).toBe(1);
  });

  it('stay unmarked when the mark cannot be written, and can be marked later', async () => {
    const frames = await open();
    const record = await add(frames);
    await mkdir(marked);
    await writeFile(join(marked, 'cap'), 'a file in the way');
    await expect(frames.mark(idOf(record), mark())).rejects.toMatchObject({ code: 'IO_FAILED' });
    await rm(join(marked, 'cap'));
    await frames.mark(idOf(record), mark());
    expect(await names(good())).toEqual([`${idOf(record)}.png`]);
  });
});
