import type { MessagePort } from 'node:worker_threads';
import sharp from 'sharp';
import { augment } from '../augment.js';
import { ImageLoader } from '../loader.js';
import { randomOf } from '../random.js';
import { readKept, writeKept } from './kept.js';
import {
  type FromThread,
  type Prepared,
  recordOf,
  type ThreadSetup,
  type ToThread,
  type WantedKept,
} from './protocol.js';

/** Prepares images in the order in which they are asked for, until it is told to close. */
export function serve(port: MessagePort, { size, closing }: ThreadSetup): void {
  // Threads are what there are several of.
  sharp.concurrency(1);
  const loader = new ImageLoader(size, 0, 1);
  const unwanted = () => Atomics.load(new Int32Array(closing), 0) !== 0;
  let last = Promise.resolve();
  port.on('message', (message: ToThread) => {
    last = last.then(async () => {
      if (message.type === 'close') {
        await loader.close();
        port.close();
      } else if (!unwanted()) {
        const { id } = message;
        const answer = await prepare(loader, message, unwanted).then(
          (prepared): FromThread => ({ type: 'prepared', id, prepared }),
          (error): FromThread => ({ type: 'failed', id, error: recordOf(error) }),
        );
        port.postMessage(answer, answer.type === 'prepared' ? buffersOf(answer.prepared) : []);
      }
    });
  });
}

async function prepare(
  loader: ImageLoader,
  { images: wanted, augmentation }: Extract<ToThread, { type: 'prepare' }>,
  unwanted: () => boolean,
): Promise<Prepared> {
  const { size } = loader;
  const bytes = size * size * 3;
  const images = new Uint8Array(wanted.length * bytes);
  const augmented = augmentation && new Uint8Array(wanted.length * bytes);
  for (const [slot, image] of wanted.entries()) {
    if (unwanted()) break;
    const pixels = await load(loader, image);
    images.set(pixels, slot * bytes);
    if (augmentation)
      augmented?.set(augment(pixels, size, augmentation, randomOf(...(image.keys ?? []))), slot * bytes);
  }
  return { images, augmented };
}

async function load(loader: ImageLoader, { file, kept }: WantedKept): Promise<Uint8Array> {
  const known = kept && readKept(kept);
  if (known) return known;
  const pixels = await loader.load(file);
  if (kept) writeKept(kept, pixels);
  return pixels;
}

const buffersOf = ({ images, augmented }: Prepared) => [images.buffer, ...(augmented ? [augmented.buffer] : [])];
