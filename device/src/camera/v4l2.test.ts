import { constants } from 'node:os';
import type { Worker } from 'node:worker_threads';
import type { Spawn } from 'node-v4l2';
import { fakeDevice, MULTI_PLANAR, type Scenario, scenario, spawnFake } from 'node-v4l2/testing';
import { describe, expect, it, vi } from 'vitest';
import { deviceConfigSchema } from '../config/schema.js';
import type { CameraFault, Frame } from './frame.js';
import { FrameNumbers } from './frame-numbers.js';
import { V4l2SourceCamera } from './v4l2.js';

/** V4L2_CAP_VIDEO_CAPTURE_MPLANE and V4L2_CAP_STREAMING of linux/videodev2.h. */
const MULTI_PLANAR_CAPTURE = 0x0400_1000;

type Source = ConstructorParameters<typeof V4l2SourceCamera>[1];

function cameraOf(settings: object, world: Scenario | Spawn, openMs?: number) {
  const source = deviceConfigSchema.shape.cameras.element.shape.source.parse({ type: 'v4l2', ...settings }) as Source;
  return new V4l2SourceCamera('belt', source, typeof world === 'function' ? world : spawnFake(world), openMs);
}

async function take(camera: V4l2SourceCamera, count: number) {
  const stop = new AbortController();
  const items: (Frame | CameraFault)[] = [];
  for await (const item of camera.frames(stop.signal)) {
    items.push('fault' in item ? item : { ...item, data: Uint8Array.from(item.data) });
    if (items.length === count) stop.abort();
  }
  return items;
}

describe('V4l2SourceCamera', () => {
  it.each(['YUYV', 'NV12', 'YU12', 'GREY', 'BGR24'])(
    'gives frames in %s, numbered, with the time they were taken',
    async (format) => {
      const camera = cameraOf({ format, width: 64, height: 48 }, scenario({}));
      const frames = (await take(camera, 4)) as Frame[];
      expect(frames.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3]);
      const now = performance.now();
      for (const { capturedMs, ...frame } of frames) {
        expect(frame).toMatchObject({ format, width: 64, height: 48 });
        expect(capturedMs).toBeLessThanOrEqual(now);
        expect(capturedMs).toBeGreaterThan(now - 60_000);
      }
    },
  );

  it('numbers frames as the driver does, so that those that were lost or damaged count', async () => {
    const firstSequence = 2 ** 32 - 2;
    const device = fakeDevice({ firstSequence, lost: [0], damaged: [2] });
    const settings = { format: 'GREY', width: 64, height: 48 };
    const frames = (await take(cameraOf(settings, scenario({ devices: { '/dev/video0': device } })), 8)) as Frame[];
    // Every byte of a frame is the lowest one of the driver's number.
    const [first] = frames.map(({ data }) => data[0] as number) as [number];
    for (const { sequence, data } of frames) expect(sequence).toBe(((data[0] as number) - first + 256) % 256);
    expect(frames.at(-1)?.sequence).toBeGreaterThan(7);
  });

  it('numbers frames one after the other where the driver does not, and goes on where it begins anew', () => {
    const numbers = new FrameNumbers();
    expect([0, 0, 0].map((number) => numbers.next(number))).toEqual([0, 1, 2]);
    const anew = new FrameNumbers();
    expect([40, 42, 3, 4].map((number) => anew.next(number))).toEqual([0, 2, 3, 4]);
  });

  it('brings planes with strides of their own to one', async () => {
    const [format] = MULTI_PLANAR.filter(({ fourcc }) => fourcc === 'YM12');
    const device = fakeDevice({
      flags: MULTI_PLANAR_CAPTURE,
      formats: [{ ...(format as NonNullable<typeof format>), padding: 6 }],
    });
    const camera = cameraOf({ width: 64, height: 48 }, scenario({ devices: { '/dev/video0': device } }));
    const [frame] = (await take(camera, 1)) as [Frame];
    // Luma rows of 70 bytes ask for chroma rows of 35; the driver has 38.
    expect(frame).toMatchObject({ format: 'YU12', stride: 70 });
    expect(frame.data).toHaveLength(72 * 70);
    expect(new Set(frame.data).size).toBeLessThanOrEqual(2);
  });

  it('says what is there', async () => {
    const camera = cameraOf({ format: 'YUYV', width: 640, height: 480 }, scenario({}));
    expect(await camera.check()).toMatch(/^\/dev\/video0 \(.+\): 640x480 YUYV/);
  });

  it.each([
    [{ device: '/dev/video7' }, /Camera "belt": .*\/dev\/video7.*no such device; beltsight-device camera list gives/],
    [{ width: 11_111, height: 11_111 }, /Camera "belt": .*11111/],
    [{ controls: { brightnes: 3 } }, /Camera "belt": .*brightnes/],
  ])('%j is refused with what is wrong', async (settings, message) => {
    await expect(take(cameraOf(settings, scenario({})), 1)).rejects.toMatchObject({ code: 'CAMERA_FAILED', message });
  });

  it('tells of a camera that is unplugged, after the frames before', async () => {
    const faults = [{ call: 'VIDIOC_DQBUF', nth: 5, errno: constants.errno.ENODEV, lasting: true }];
    const camera = cameraOf({ format: 'YUYV', width: 64, height: 48 }, scenario({ faults }));
    await expect(take(camera, 1000)).rejects.toMatchObject({ code: 'CAMERA_FAILED', message: /gone; plug it in/ });
  });

  it('leaves a damaged frame out, and tells of a camera that gives nothing else', async () => {
    const device = (damaged: number[]) => ({ '/dev/video0': fakeDevice({ damaged }) });
    const settings = { format: 'YUYV', width: 64, height: 48 };
    const one = await take(cameraOf(settings, scenario({ devices: device([1]) })), 3);
    expect(one.every((item) => 'sequence' in item)).toBe(true);
    const all = Array.from({ length: 10_000 }, (_, i) => i);
    const none = await take(cameraOf(settings, scenario({ devices: device(all) })), 1);
    expect(none).toEqual([
      { fault: expect.stringMatching(/Camera "belt" \(\/dev\/video0\) gives damaged frames: check cable/) },
    ]);
  });

  it('gives up on a driver that delivers nothing', async () => {
    const camera = cameraOf({ format: 'YUYV', width: 64, height: 48, stallSeconds: 1 }, scenario({ rateHz: 0.001 }));
    await expect(take(camera, 2)).rejects.toThrow(/has given no frame for 1 s/);
  });

  it('gives up on a driver that hangs, and does not open it again before it is free', async () => {
    const threads: Worker[] = [];
    const spawn: Spawn = (options) => {
      const thread = spawnFake(scenario({ rateHz: 0.001 }))(options);
      threads.push(thread);
      // A thread that hangs in a system call hears nothing.
      vi.spyOn(thread, 'postMessage').mockReturnValue(undefined);
      return thread;
    };
    const camera = cameraOf({ format: 'YUYV', width: 64, height: 48, stallSeconds: 1 }, spawn);
    await expect(take(camera, 1)).rejects.toThrow(/has given no frame for 1 s/);
    await expect(take(camera, 1)).rejects.toThrow(/hangs in its driver/);
    expect(threads).toHaveLength(1);
    await threads[0]?.terminate();
    await new Promise(setImmediate);
    await expect(take(camera, 1)).rejects.toThrow(/has given no frame for 1 s/);
    await threads[1]?.terminate();
  });

  it('gives up on a driver that hangs as it is opened, and opens it again once it has let go', async () => {
    const release: (() => void)[] = [];
    const spawn: Spawn = (options) => {
      const thread = spawnFake(scenario({}))(options);
      if (release.length === 0) {
        // A thread that hangs in a system call tells nothing until that is over.
        const emit = vi.spyOn(thread, 'emit').mockReturnValue(true);
        release.push(() => {
          const told = [...emit.mock.calls];
          emit.mockRestore();
          for (const event of told) thread.emit(...event);
        });
      }
      return thread;
    };
    const camera = cameraOf({ format: 'YUYV', width: 64, height: 48 }, spawn, 2000);
    const hangs = /Camera "belt" \(\/dev\/video0\) hangs in its driver: unplug it/;
    await expect(camera.check()).rejects.toMatchObject({ code: 'CAMERA_FAILED', message: hangs });
    await expect(take(camera, 1)).rejects.toThrow(hangs);
    release[0]?.();
    await vi.waitFor(() => camera.check(), { timeout: 20_000 });
  });

  it('ends when it is told to, before the first frame as well', async () => {
    const stop = new AbortController();
    stop.abort();
    const camera = cameraOf({ format: 'YUYV', width: 64, height: 48 }, scenario({ rateHz: 0.001 }));
    for await (const _ of camera.frames(stop.signal)) throw new Error('a frame');
  });
});
