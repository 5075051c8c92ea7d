import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../../../test/support/patience.js';
import { resultOf } from '../../../test/support/result-message.js';
import type { Frame } from '../camera/frame.js';
import { RgbConverter } from '../camera/rgb.js';
import { loadRuntime } from '../score/ort/library.js';
import { digestOf } from './frames.js';
import { FrameKeeper } from './keeper.js';
import type { KeptFrame } from './record.js';

const [WIDTH, HEIGHT] = [16, 8];
const rgb = (seed = 1): Frame => ({
  ...{ format: 'RGB24', width: WIDTH, height: HEIGHT, sequence: 0, capturedMs: 0 },
  data: Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => (i * 31 + seed * 7) % 256),
});
const nv12: Frame = {
  ...{ format: 'NV12', width: WIDTH, height: HEIGHT, sequence: 0, capturedMs: 0 },
  roi: { x: 2, y: 0, width: 8, height: 6 },
  orientation: { rotate: 90, mirror: true },
  data: Uint8Array.from({ length: (WIDTH * HEIGHT * 3) / 2 }, (_, i) => (i * 37) % 256),
};

function setUp({ perSecond = 1000, burst = 1000 } = {}) {
  const kept: { record: KeptFrame; png: Uint8Array }[] = [];
  const log: string[] = [];
  const disk = { fault: undefined as Error | undefined, ready: Promise.resolve() };
  const clock = { ms: 0 };
  const note = (first: unknown, text = first) => void log.push(String(text));
  const keeper = new FrameKeeper({
    frames: {
      async add(record, png) {
        await disk.ready;
        if (disk.fault) throw disk.fault;
        kept.push({ record, png });
      },
    },
    config: { perSecond, burst },
    api: () => loadRuntime(),
    logger: { warn: note, info: note },
    now: () => clock.ms,
  });
  const keep = (frame: Frame) => keeper.copy(frame)?.(resultOf({ verdict: 'reject' }));
  return { keeper, keep, kept, log, disk, clock };
}

describe('the keeper of frames', () => {
  it('keeps the very pixels that were inspected, whatever becomes of the memory they were in', async () => {
    const { keeper, keep, kept } = setUp();
    const converter = new RgbConverter(loadRuntime());
    const wanted = [rgb(), await converter.convert(nv12)];
    await converter.close();
    const frames = [rgb(), { ...nv12, data: nv12.data.slice() }];
    for (const frame of frames) {
      keep(frame);
      frame.data.fill(0);
    }
    await keeper.close();
    for (const [i, { record, png }] of kept.entries()) {
      const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
      expect(info).toMatchObject({ width: wanted[i]?.width, height: wanted[i]?.height, channels: 3 });
      expect(new Uint8Array(data)).toEqual(wanted[i]?.data);
      expect(record).toMatchObject({ sha256: digestOf(png), sizeBytes: png.length });
    }
    expect(kept.map(({ record }) => record.frame.format)).toEqual(['RGB24', 'NV12']);
  });

  it('leaves out and counts what comes faster than it may', async () => {
    const { keeper, keep, kept, clock } = setUp({ perSecond: 0.5, burst: 2 });
    for (let i = 0; i < 5; i++) keep(rgb());
    clock.ms = 2000;
    keep(rgb());
    keep(rgb());
    await keeper.settled();
    expect(kept).toHaveLength(3);
    expect(keeper.status).toEqual({ skipped: 4 });
  });

  it('holds no more memory than 64 MiB while the disk is slow', async () => {
    const { keeper, keep, kept, disk } = setUp();
    let go = () => {};
    disk.ready = new Promise((resolve) => {
      go = resolve;
    });
    const large = { ...rgb(), width: 2048, height: 2048, data: new Uint8Array(2048 * 2048 * 3) };
    for (let i = 0; i < 8; i++) keep(large);
    expect(keeper.status.skipped).toBe(3);
    go();
    await keeper.settled();
    expect(kept).toHaveLength(5);
    keep(large);
    await keeper.settled();
    expect(kept).toHaveLength(6);
  });

  it('says once that the disk does not take frames, and that it does again', async () => {
    const { keeper, keep, kept, log, disk } = setUp();
    disk.fault = new Error('The disk is full.');
    for (let i = 0; i < 3; i++) keep(rgb());
    await waitFor(() => expect(keeper.status).toEqual({ skipped: 3, fault: 'The disk is full.' }));
    disk.fault = undefined;
    keep(rgb());
    await keeper.settled();
    expect(keeper.status).toEqual({ skipped: 3 });
    expect(kept).toHaveLength(1);
    expect(log).toEqual([
      'The disk is full. Inspection goes on without keeping frames.',
      'Rejected frames are kept again.',
    ]);
  });
});
