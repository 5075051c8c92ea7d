import { BeltsightError, type ResultMessage } from '@beltsight/sdk';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { CameraFault, Frame } from './frame.js';
import { TriggerQueue } from './trigger.js';
import { type Taken, triggered } from './triggered.js';

afterEach(() => {
  vi.useRealTimers();
});

const result = (sequence: number) => ({ frame: { sequence } }) as unknown as ResultMessage;
const limits = { timeoutMs: 1000, pending: 3, maxAgeMs: 0 };

/** A camera whose frames are given by hand, all in the same memory. */
function camera() {
  const data = new Uint8Array(1);
  const items: (Frame | CameraFault)[] = [];
  let wake = () => {};
  let ended = false;
  let sequence = 0;
  async function* frames() {
    while (true) {
      const item = items.shift();
      if (item) yield item;
      else if (ended) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  return {
    frames: frames(),
    data,
    give: async (capturedMs: number) => {
      data[0] = sequence;
      items.push({ format: 'GREY', width: 1, height: 1, data, sequence: sequence++, capturedMs } as Frame);
      wake();
      while (items.length > 0) await new Promise(setImmediate);
      await new Promise(setImmediate);
    },
    fault: (fault: string) => {
      items.push({ fault });
      wake();
    },
    end: () => {
      ended = true;
      wake();
    },
  };
}

/** Inspects what is triggered, when told to. */
function inspector(items: AsyncIterable<Taken | CameraFault>) {
  const seen: (string | [sequence: number, pixel: number | undefined])[] = [];
  const done = (async () => {
    for await (const item of items) {
      if ('fault' in item) seen.push(item.fault);
      else {
        seen.push([item.frame.sequence, item.frame.data[0]]);
        item.shot?.settle(result(item.frame.sequence));
      }
    }
  })();
  return { seen, done };
}

describe('a software trigger', () => {
  it('takes the first frame captured after the request, and a frame of its own for each', async () => {
    let now = 100;
    const queue = new TriggerQueue('belt', limits, () => now);
    const { frames, give, fault, end } = camera();
    const { seen, done } = inspector(triggered(frames, queue));
    await give(99);
    now = 110;
    const replies = [queue.request(), queue.request()];
    await give(105);
    await give(110);
    await give(111);
    await give(112);
    await give(113);
    fault('dark');
    end();
    await done;
    expect(await Promise.all(replies)).toEqual([result(3), result(4)]);
    // Pixels of their own, though the camera used its memory again.
    expect(seen).toEqual([[3, 3], [4, 4], 'dark']);
  });

  it('is content with a frame that was there, where it may be so old', async () => {
    const queue = new TriggerQueue('belt', { ...limits, maxAgeMs: 50 }, () => 140);
    const { frames, data, give, end } = camera();
    const { seen, done } = inspector(triggered(frames, queue));
    await give(80);
    await give(100);
    // A frame that the view leaves out takes the memory, too.
    data[0] = 99;
    expect(await queue.request()).toEqual(result(1));
    expect(seen).toEqual([[1, 1]]);
    // Not the same frame again.
    const next = queue.request();
    await give(141);
    expect(await next).toEqual(result(2));
    end();
    await done;
    expect(seen).toHaveLength(2);
  });

  it('keeps a frame for its request while another is inspected, and gives it up when time is up', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const queue = new TriggerQueue('belt', limits, () => 0);
    const { frames, give, end } = camera();
    const items = triggered(frames, queue)[Symbol.asyncIterator]();
    const first = queue.request();
    const taken = items.next();
    await give(1);
    const { value } = (await taken) as { value: Taken };
    const second = queue.request();
    await give(2);
    await vi.advanceTimersByTimeAsync(400);
    const third = queue.request();
    await give(3);
    const late = expect(second).rejects.toThrow(/within 1000 ms. Its frame is still in work/);
    value.shot?.settle(result(0));
    expect(await first).toEqual(result(0));
    await vi.advanceTimersByTimeAsync(700);
    await late;
    const { value: after } = (await items.next()) as { value: Taken };
    expect(after.frame.sequence).toBe(2);
    after.shot?.settle(result(2));
    expect(await third).toEqual(result(2));
    end();
    await items.return?.(undefined);
  });

  it('says what kept it: too many, no frame, frames too old, the camera', async () => {
    const queue = new TriggerQueue('belt', { timeoutMs: 50, pending: 1, maxAgeMs: 0 }, () => 100);
    const idle = queue.request();
    await expect(queue.request()).rejects.toMatchObject({ code: 'COMMAND_BUSY' });
    await expect(idle).rejects.toMatchObject({
      code: 'COMMAND_TIMEOUT',
      message: expect.stringMatching(/gave no frame/),
    });
    const { frames, give } = camera();
    const inspecting = inspector(triggered(frames, queue));
    const stale = expect(queue.request()).rejects.toThrow(/captured before the trigger/);
    await give(90);
    await stale;
    expect(inspecting.seen).toEqual([]);
  });

  it('fails with the camera, and with the service', async () => {
    const queue = new TriggerQueue('belt', { ...limits, timeoutMs: 60_000 }, () => 100);
    const { frames, give } = camera();
    const items = triggered(frames, queue);
    const first = queue.request();
    const pulled = items.next();
    await give(101);
    ((await pulled).value as Taken).shot?.settle(result(0));
    await first;
    const ready = expect(queue.request()).rejects.toThrow(/camera failed before its frame/);
    await give(102);
    await items.return(undefined);
    await ready;
    const waiting = expect(queue.request()).rejects.toThrow(/stops/);
    queue.cancel(new BeltsightError('COMMAND_FAILED', 'The service stops.'));
    await waiting;
    expect(queue.wanted).toBe(false);
  });
});
