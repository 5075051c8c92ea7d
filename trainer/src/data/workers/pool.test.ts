import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, writeTinyClass } from '../../testing/products.js';
import { augment, FULL } from '../augment.js';
import { ImageLoader } from '../loader.js';
import { randomOf } from '../random.js';
import { ImageWorkers } from './pool.js';
import { spawn } from './spawn.js';

const SIZE = 32;
const BYTES = SIZE * SIZE * 3;

describe('ImageWorkers', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let files: string[];
  let broken: string;
  let workers: ImageWorkers;

  beforeAll(async () => {
    folder = await temporaryFolder();
    const good = await writeTinyClass(folder.path, 'bolt', 4);
    files = [0, 1, 2, 3].map((i) => join(good, `${i}.png`));
    broken = join(folder.path, 'broken.png');
    await writeFile(broken, 'no image');
    workers = new ImageWorkers(SIZE, 2);
  });
  afterAll(async () => {
    await workers.close();
    await folder.dispose();
  });

  it('gives the bits that one thread gives, whichever does it, the first time and from memory', async () => {
    const loader = new ImageLoader(SIZE, 0);
    const wanted = files.map((file, slot) => ({ file, keys: [7, 1, slot] }));
    // More orders than threads, each of them the same.
    const orders = await Promise.all(Array.from({ length: 5 }, () => workers.prepare(wanted, FULL)));
    orders.push(await workers.prepare(wanted, FULL));
    for (const [slot, file] of files.entries()) {
      const pixels = await loader.load(file);
      const view = augment(pixels, SIZE, FULL, randomOf(7, 1, slot));
      for (const { images, augmented } of orders) {
        expect(images.subarray(slot * BYTES, (slot + 1) * BYTES)).toEqual(pixels);
        expect(augmented?.subarray(slot * BYTES, (slot + 1) * BYTES)).toEqual(view);
      }
    }
    await loader.close();
  });

  it('makes no second views that nobody asks for', async () => {
    expect((await workers.prepare([{ file: files[0] as string }])).augmented).toBeUndefined();
  });

  it('names the file that cannot be read, and goes on', async () => {
    const orders = [files[0] as string, broken, files[1] as string].map((file) => workers.prepare([{ file }]));
    await expect(orders[1]).rejects.toMatchObject({
      code: 'IMAGE_UNREADABLE',
      message: expect.stringMatching(/broken\.png cannot be decoded.*replace or remove/),
    });
    await Promise.all([orders[0], orders[2]]);
  });

  it('refuses what is left when it is closed, and what comes after', async () => {
    const closed = new ImageWorkers(SIZE, 1);
    const orders = files.map((file) => closed.prepare([{ file }]));
    const refused = Promise.allSettled(orders);
    await closed.close();
    expect((await refused).at(-1)?.status).toBe('rejected');
    await expect(closed.prepare([{ file: files[0] as string }])).rejects.toThrow(/had been closed/);
  });

  it('tells of a thread that is gone instead of waiting for it', async () => {
    const lost = new ImageWorkers(SIZE, 1, (setup) => {
      const worker = spawn(setup);
      worker.once('online', () => worker.emit('error', new Error('out of memory')));
      worker.once('online', () => void worker.terminate());
      return worker;
    });
    await expect(lost.prepare([{ file: files[0] as string }])).rejects.toThrow(/ended: out of memory/);
    await lost.close();
  });
});
