/**
 * Runs inside of a guest with vivid (three cameras: video0 and video2 with frames in one piece of memory, video1 with planes apart)
 * and, where the kernel has it, v4l2loopback as video9. Prints what it finds; cameras.system.test.ts says what that has to be.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  type Camera,
  type CameraOptions,
  type Frame,
  listDevices,
  openCamera,
  openDevice,
  type PixelFormat,
} from 'node-v4l2';
import { Feeder } from './loopback.js';
import { colourOfPlanes } from './pixels.js';
import { check, failure, held } from './report.js';

const [SINGLE, MULTI, SPARE, LOOPBACK] = ['/dev/video0', '/dev/video1', '/dev/video2', '/dev/video9'];
const SMALL = { width: 320, height: 180, fps: 30 } as const;
/** A picture of one colour, without text on it, whatever was set before. */
const RED = { test_pattern: '100% Red', osd_text_mode: 'None', brightness: 128, contrast: 128 } as const;
const FRAMES = Number(process.env.FRAMES ?? 10_000);

async function using<T>(options: CameraOptions, run: (camera: Camera) => Promise<T>): Promise<T> {
  const camera = await openCamera(options);
  try {
    return await run(camera);
  } finally {
    await camera.close();
  }
}

/** What is left of a number of frames after `visit` looked at each. */
async function frames<T>(camera: Camera, count: number, visit: (frame: Frame) => T): Promise<T[]> {
  const seen: T[] = [];
  for await (const frame of camera) if (seen.push(visit(frame)) >= count) break;
  return seen;
}

/** The error that capturing ends with; `provoke` is called after the first frame. */
async function endOf(camera: Camera, provoke: () => Promise<void>): Promise<Record<string, unknown>> {
  let frames = 0;
  try {
    for await (const _ of camera) if (++frames === 1) await provoke();
    return { ended: 'without an error' };
  } catch (error) {
    return failure(error);
  }
}

const refusal = (options: CameraOptions) =>
  openCamera(options).then(async (camera) => {
    await camera.close();
    return { opened: true };
  }, failure);

/** Whether a device can be set and captured from: a buffer left behind anywhere would answer EBUSY. */
const usable = (device: string) => using({ device, ...SMALL }, (camera) => frames(camera, 2, ({ format }) => format));

if (process.argv[2] === 'die') {
  // A process that is killed while it captures.
  const camera = await openCamera({ device: SPARE as string, ...SMALL });
  for await (const _ of camera) process.kill(process.pid, 'SIGKILL');
}

await check('devices', async () => ({
  devices: listDevices().map(({ capabilities, problem, ...info }) => ({
    ...info,
    capture: capabilities?.capture,
    problem: problem?.code,
  })),
}));

await check('queries', async () => {
  const device = openDevice(SINGLE as string);
  try {
    const sizes = device.frameSizes('YUYV');
    return {
      formats: device.formats().map(({ fourcc, pixelFormat }) => pixelFormat ?? fourcc),
      sizes,
      intervals: device.frameIntervals('YUYV', 320, 180),
    };
  } finally {
    device.close();
  }
});

const SINGLE_FORMATS: readonly PixelFormat[] = [
  'YUYV',
  'UYVY',
  'NV12',
  'NV21',
  'YU12',
  'GREY',
  'Y10',
  'Y12',
  'Y16',
  'RGB24',
  'BGR24',
  'BGRx',
];
async function redPicture(options: CameraOptions) {
  return using({ ...options, ...SMALL, controls: RED }, async (camera) => {
    const seen = await frames(camera, 2, (frame) => ({
      planes: colourOfPlanes(frame),
      length: frame.data.length,
      bytesUsed: frame.bytesUsed,
      error: frame.error,
      colour: frame.colour,
    }));
    return { format: camera.format, frame: seen.at(-1) };
  });
}
for (const format of SINGLE_FORMATS) {
  await check(`single ${format}`, () => redPicture({ device: SINGLE as string, format }));
}
for (const fourcc of ['NM12', 'NM21', 'YM12']) {
  await check(`multi ${fourcc}`, async () => {
    // This driver has NV12 in one piece of memory as well, and that would be taken first.
    const device = openDevice(MULTI as string);
    device.setFormat({ fourcc, width: SMALL.width, height: SMALL.height });
    device.close();
    return redPicture({ device: MULTI as string });
  });
}

await check('timestamps', () =>
  using({ device: SINGLE as string, ...SMALL }, async (camera) => {
    const seen = await frames(camera, 20, ({ sequence, timestampUs, clock, timestampOf, field, error }) => ({
      sequence,
      timestampUs,
      clock,
      timestampOf,
      field,
      error,
    }));
    return { seen, fps: camera.format.fps, nowUs: Number(process.hrtime.bigint() / 1000n) };
  }),
);

await check('controls', () =>
  using({ device: SINGLE as string, ...SMALL, controls: { brightness: 100 } }, async (camera) => {
    const values: Record<string, unknown> = { brightness: await camera.getControl('brightness') };
    for (const [name, value] of Object.entries({
      contrast: 20,
      horizontal_flip: true,
      test_pattern: '100% Black',
      integer_32_bits: -0x7fffffff,
      integer_64_bits: 2n ** 40n,
      menu: 3,
      integer_menu: 5,
      string: 'abcd',
      bitmask: 0x80002000,
    })) {
      await camera.setControl(name, value);
      values[name] = await camera.getControl(name);
    }
    await camera.setControl('button', true);
    const refused: Record<string, unknown> = {};
    for (const [name, value] of [
      ['brightness', 256],
      ['menu', 2],
      ['string', 'a'],
      ['nothing', 1],
    ] as const) {
      refused[`${name} ${value}`] = await camera.setControl(name, value).then(() => 'taken', failure);
    }
    const controls = await camera.controls();
    return { values, refused, controls: controls.map(({ name, type }) => `${name} ${type}`) };
  }),
);

await check('busy', () =>
  using({ device: SINGLE as string, ...SMALL }, async (camera) => {
    const second = await refusal({ device: SINGLE as string, ...SMALL });
    return { second, after: await frames(camera, 2, ({ format }) => format) };
  }),
);

await check('frame of a closed camera', async () => {
  const camera = await openCamera({ device: SINGLE as string, ...SMALL, format: 'RGB24', controls: RED });
  const [frame] = await frames(camera, 1, (taken) => taken);
  await camera.close();
  // The driver's memory is unmapped by now; reading that would end the process.
  return { planes: frame && colourOfPlanes(frame), held: held() };
});

await check('lost frames', () =>
  using({ device: SINGLE as string, ...SMALL, controls: { percentage_of_dropped_buffers: 50 } }, async (camera) => {
    const numbers = await frames(camera, 30, ({ sequence }) => sequence);
    const stats = camera.stats;
    await camera.setControl('percentage_of_dropped_buffers', 0);
    return { first: numbers[0], last: numbers.at(-1), stats };
  }),
);

await check('damaged frames', () =>
  using({ device: SINGLE as string, ...SMALL }, async (camera) => {
    const errors: boolean[] = [];
    for await (const { error } of camera) {
      errors.push(error);
      if (error || errors.length > 100) break;
      // It marks one frame, which a busy consumer may miss.
      await camera.setControl('inject_v4l2_buf_flag_error', true);
    }
    return { errors, stats: camera.stats };
  }),
);

await check('stream error', async () => {
  const error = await using({ device: SINGLE as string, ...SMALL }, (camera) =>
    endOf(camera, () => camera.setControl('inject_fatal_streaming_error', true)),
  );
  return { error, after: await usable(SINGLE as string) };
});

for (const control of ['inject_vidioc_reqbufs_error', 'inject_vidioc_streamon_error', 'inject_vidioc_qbuf_error']) {
  await check(control, async () => {
    const device = openDevice(SINGLE as string);
    const known = device.controls().find(({ name }) => name === control);
    if (known) device.setControl(control, true);
    const names = device.controls().map(({ name }) => name);
    device.close();
    if (!known) return { missing: names };
    const error = await refusal({ device: SINGLE as string, ...SMALL });
    return { error, held: held(), after: await usable(SINGLE as string) };
  });
}

await check('disconnect', async () => {
  const error = await using({ device: SINGLE as string, ...SMALL }, (camera) =>
    endOf(camera, () => camera.setControl('disconnect', true)),
  );
  return { error, after: await usable(SINGLE as string) };
});

await check('killed', async () => {
  const { signal } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), 'die']);
  return { signal, after: await usable(SPARE as string) };
});

await check('opened often', async () => {
  await usable(SINGLE as string);
  const before = held();
  for (let i = 0; i < 8; i++) await usable(SINGLE as string);
  return { before, after: held() };
});

const pictures = () => {
  const folder = fileURLToPath(new URL('./pictures', import.meta.url));
  return readdirSync(folder).map((name) => readFileSync(join(folder, name)));
};
const looped = existsSync(LOOPBACK as string);

if (looped) {
  await check('mjpg', async () => {
    const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
    const fed = pictures();
    const feeder = new Feeder(LOOPBACK as string, 'MJPG', 320, 240, 320 * 240);
    // v4l2loopback writes into a buffer that is being read: time between pictures keeps the feeder behind a slow reader.
    feeder.start(fed, 100);
    try {
      return await using({ device: LOOPBACK as string, format: 'MJPG' }, async (camera) => {
        const seen = await frames(camera, 12, ({ data, bytesUsed }) => ({ digest: digest(data), bytesUsed }));
        return { seen, pictures: fed.map(digest), format: camera.format };
      });
    } finally {
      feeder.stop();
    }
  });
}

await check('many frames', async () => {
  // The loopback gives as many frames as are fed, small ones; an emulated processor draws few large ones.
  const feeder = looped ? new Feeder(LOOPBACK as string, 'MJPG', 320, 240, 320 * 240) : undefined;
  feeder?.start(pictures(), 2);
  const devices = [SINGLE, MULTI, SPARE].map((device) => ({ device: device as string, ...SMALL, fps: 60 }));
  const cameras = await Promise.all(
    [...devices, ...(looped ? [{ device: LOOPBACK as string }] : [])].map((options) => openCamera(options)),
  );
  const captured = () => cameras.reduce((sum, { stats }) => sum + stats.delivered + stats.dropped, 0);
  const samples: ReturnType<typeof held>[] = [];
  const marks = [FRAMES / 10, FRAMES / 2, FRAMES];
  await Promise.all(
    cameras.map(async (camera) => {
      for await (const _ of camera) {
        if (captured() >= (marks[samples.length] ?? Number.POSITIVE_INFINITY)) samples.push(held());
        if (samples.length >= marks.length) break;
      }
    }),
  );
  const total = captured();
  await Promise.all(cameras.map((camera) => camera.close()));
  feeder?.stop();
  return { total, samples, cameras: cameras.map(({ device, stats }) => ({ device, stats })), after: held() };
});

await check('unplugged', async () => {
  const camera = await openCamera({ device: SPARE as string, ...SMALL });
  const error = await endOf(camera, async () => writeFileSync('/sys/bus/platform/drivers/vivid/unbind', 'vivid.0'));
  await camera.close();
  return { error, held: held(), again: await refusal({ device: SPARE as string }) };
});

await sleep(50);
