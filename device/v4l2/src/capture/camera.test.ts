import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ERRNO, V4l2Error } from '../errors.js';
import { type Scenario, scenario } from '../testing/scenario.js';
import { spawnFake } from '../testing/spawn.js';
import { type Camera, openCamera } from './camera.js';
import type { Frame } from './frame.js';
import type { CameraOptions } from './options.js';

const SMALL = { device: '/dev/video0', width: 64, height: 48 } as const;
const opened: Camera[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((camera) => camera.close()));
});

async function open(what: Partial<Scenario> = {}, options: Partial<CameraOptions> = {}) {
  const camera = await openCamera({ ...SMALL, ...options }, spawnFake(scenario(what)));
  opened.push(camera);
  return camera;
}

async function take(camera: Camera, count: number, busyMs = 0): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const frame of camera) {
    frames.push({ ...frame, data: frame.data.slice() });
    if (frames.length >= count) break;
    if (busyMs > 0) await sleep(busyMs);
  }
  return frames;
}

const whole = ({ data, sequence }: Frame) => data.every((byte) => byte === (sequence & 0xff));

describe('openCamera', () => {
  it('runs its thread from the sources, and says what is wrong with a device that is not there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'node-v4l2-'));
    const device = join(folder, 'video0');
    await expect(openCamera({ device })).rejects.toMatchObject({
      name: 'V4l2Error',
      code: 'V4L2_NOT_FOUND',
      call: 'open',
      errno: 'ENOENT',
      device,
    });
    rmSync(folder, { recursive: true });
    const plain = openCamera({ device: '/dev/null' });
    await expect(plain).rejects.toMatchObject({ code: 'V4L2_NOT_CAPTURE', call: 'VIDIOC_QUERYCAP' });
  });

  it.each([
    [{ width: 640 }, /width and height go together/],
    [{ width: 0, height: 1 }, /width is a whole number/],
    [{ fps: 0 }, /fps is a number above 0/],
    [{ fps: Number.NaN }, /fps/],
    [{ buffers: 1 }, /buffers is a whole number from 2 to 32/],
    [{ device: '' }, /device is missing/],
  ])('refuses %o', async (options, message) => {
    const error = await openCamera({ device: '/dev/video0', ...options }).catch((reason) => reason);
    expect(error).toMatchObject({ code: 'V4L2_ARGUMENT_INVALID', message: expect.stringMatching(message) });
  });

  it('passes on what the thread met, as an error of the same class', async () => {
    const error = await open({}, { format: 'BGRx', width: 65, height: 48 }).catch((reason) => reason);
    expect(error).toBeInstanceOf(V4l2Error);
    expect(error).toMatchObject({ code: 'V4L2_UNSUPPORTED_SIZE', device: '/dev/video0' });
  });

  it('says that the thread itself failed', async () => {
    const { Worker } = await import('node:worker_threads');
    const spawn = () => new Worker('throw new Error("no library")', { eval: true });
    await expect(openCamera(SMALL, spawn)).rejects.toMatchObject({ code: 'V4L2_FAILED', message: /no library/ });
  });
});

describe('frames', () => {
  it('come whole, on shared memory that is used again, with their format', async () => {
    const camera = await open({ rateHz: 100 }, { format: 'NV12', fps: 60 });
    expect(camera.format).toMatchObject({ pixelFormat: 'NV12', fps: 60, sizeBytes: 64 * 72 });
    expect(camera.capabilities.card).toBe('Fake Camera');
    const buffers = new Set<ArrayBufferLike>();
    let count = 0;
    for await (const frame of camera) {
      expect(whole(frame)).toBe(true);
      expect(frame.planes.map(({ data }) => data.length)).toEqual([64 * 48, 64 * 24]);
      buffers.add(frame.data.buffer);
      if (++count === 20) break;
    }
    expect(buffers.size).toBe(1);
    expect([...buffers][0]).toBeInstanceOf(SharedArrayBuffer);
  });

  it('are the newest each time; a slow consumer drops older ones and hears how many', async () => {
    const camera = await open({ rateHz: 100 });
    const frames = await take(camera, 8, 60);
    const steps = frames.slice(1).map(({ sequence }, i) => sequence - (frames[i] as Frame).sequence);
    for (const step of steps) expect(step).toBeGreaterThan(1);
    expect(frames.every(whole)).toBe(true);
    const { delivered, dropped, lost } = camera.stats;
    expect(delivered).toBe(8);
    // Every frame up to the last one is accounted for; a loaded machine may lose some to full buffers.
    expect(delivered + dropped + lost).toBeGreaterThanOrEqual((frames.at(-1)?.sequence as number) + 1);
    expect(dropped).toBeGreaterThan(0);
  });

  it('stay as they are while the consumer works on them', async () => {
    const camera = await open({ rateHz: 500 });
    let count = 0;
    for await (const frame of camera) {
      for (let look = 0; look < 5; look++) {
        expect(whole(frame)).toBe(true);
        await sleep(7);
      }
      if (++count === 5) break;
    }
  });

  it('send one message at most while nobody reads: the event loop of a slow consumer is not flooded', async () => {
    const started: import('node:worker_threads').Worker[] = [];
    const spawn = spawnFake(scenario({ rateHz: 1000 }));
    const camera = await openCamera(SMALL, (options) => {
      const worker = spawn(options);
      started.push(worker);
      return worker;
    });
    opened.push(camera);
    let messages = 0;
    started[0]?.on('message', () => messages++);
    await take(camera, 3);
    const before = messages;
    await sleep(300);
    expect(messages - before).toBeLessThanOrEqual(1);
    expect(camera.stats.dropped).toBeGreaterThan(50);
  });

  it('go on in a second loop, and only one loop reads at a time', async () => {
    const camera = await open({ rateHz: 100 });
    const first = await take(camera, 2);
    const second = await take(camera, 2);
    expect(second[0]?.sequence).toBeGreaterThan(first[1]?.sequence as number);
    const running = take(camera, 1000);
    await expect(take(camera, 1)).rejects.toMatchObject({ code: 'V4L2_STATE', message: /already being read/ });
    await camera.close();
    await running;
  });

  it('come to a listener, which is waited for', async () => {
    const camera = await open({ rateHz: 200 });
    const seen: number[] = [];
    let inside = 0;
    const stop = camera.on('frame', async (frame) => {
      expect(++inside).toBe(1);
      await sleep(15);
      expect(whole(frame)).toBe(true);
      seen.push(frame.sequence);
      inside--;
    });
    await vi.waitFor(() => expect(seen.length).toBeGreaterThan(4), { timeout: 20_000 });
    stop();
    await sleep(60);
    const count = seen.length;
    await sleep(100);
    expect(seen.length).toBe(count);
    // What was listened to can be read in a loop afterwards.
    expect(await take(camera, 1)).toHaveLength(1);
  });
});

describe('the end', () => {
  it('of a loop comes with closing, which frees the device', async () => {
    const camera = await open({ rateHz: 50 });
    const closed = vi.fn();
    camera.on('close', closed);
    let frames = 0;
    for await (const _ of camera) if (++frames === 3) void camera.close();
    expect(frames).toBeGreaterThanOrEqual(3);
    await camera.close();
    expect(closed).toHaveBeenCalledTimes(1);
    await expect(camera.getControl('brightness')).rejects.toMatchObject({ code: 'V4L2_STATE' });
    expect(await take(camera, 1)).toEqual([]);
  });

  it('of a loop that waits for a frame that never comes is closing, too', async () => {
    const camera = await open({ rateHz: 0.001 });
    const waiting = take(camera, 1);
    await sleep(30);
    const start = performance.now();
    await camera.close();
    expect(await waiting).toEqual([]);
    // One slice of polling, and patience for a loaded machine.
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it('of a loop comes with closing at once, though the thread hangs in the driver', async () => {
    const threads: Worker[] = [];
    const camera = await openCamera(SMALL, (options) => {
      const thread = spawnFake(scenario({ rateHz: 0.001 }))(options);
      threads.push(thread);
      vi.spyOn(thread, 'postMessage').mockReturnValue(undefined);
      return thread;
    });
    const waiting = take(camera, 1);
    const closed = camera.close();
    expect(await waiting).toEqual([]);
    await threads[0]?.terminate();
    await closed;
  });

  it.each([
    ['VIDIOC_DQBUF', ERRNO.EIO, 'V4L2_IO'],
    ['VIDIOC_DQBUF', ERRNO.ENODEV, 'V4L2_GONE'],
    ['poll', ERRNO.ENODEV, 'V4L2_GONE'],
  ] as const)('comes with %s failing with %i: a loop throws %s once the device is free', async (call, errno, code) => {
    const faults = [{ call, nth: 12, errno, lasting: true }];
    const camera = await open({ rateHz: 200, faults });
    const failed = vi.fn();
    camera.on('error', failed);
    await expect(take(camera, 1000)).rejects.toMatchObject({ code, device: '/dev/video0' });
    expect(failed).toHaveBeenCalledTimes(1);
    await expect(take(camera, 1)).rejects.toMatchObject({ code });
    await expect(camera.controls()).rejects.toMatchObject({ code });
    await camera.close();
  });

  it('is heard by listeners to frames that listen to errors', async () => {
    const camera = await open({ rateHz: 200, faults: [{ call: 'VIDIOC_QBUF', nth: 9, errno: ERRNO.EIO }] });
    const events: string[] = [];
    camera.on('error', ({ code }) => events.push(code));
    camera.on('close', () => events.push('close'));
    camera.on('frame', () => undefined);
    await vi.waitFor(() => expect(events).toEqual(['V4L2_IO', 'close']), { timeout: 20_000 });
  });
});

describe('controls of an open camera', () => {
  it('are listed, set and read while frames come', async () => {
    const camera = await open({ rateHz: 100 });
    let frames = 0;
    camera.on('frame', () => {
      frames++;
    });
    expect((await camera.controls()).map(({ name }) => name)).toContain('brightness');
    await camera.setControl('brightness', 9);
    await camera.setControl('owner', 'belt 2');
    expect(await camera.getControl('brightness')).toBe(9);
    expect(await camera.getControl('owner')).toBe('belt 2');
    await expect(camera.setControl('brightness', 999)).rejects.toMatchObject({ code: 'V4L2_CONTROL_INVALID' });
    await expect(camera.setControl('zoom', 1)).rejects.toMatchObject({ code: 'V4L2_CONTROL_UNKNOWN' });
    const before = frames;
    await vi.waitFor(() => expect(frames).toBeGreaterThan(before), { timeout: 20_000 });
  });
});
