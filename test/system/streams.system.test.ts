import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Frame } from '../../device/src/camera/frame.js';
import { openCamera } from '../../device/src/camera/open.js';
import { RgbConverter } from '../../device/src/camera/rgb.js';
import { deviceConfigSchema } from '../../device/src/config/schema.js';
import { loadRuntime } from '../../device/src/score/ort/library.js';
import { freePort } from '../support/processes.js';

const run = promisify(execFile);
const converter = new RgbConverter(loadRuntime());
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-streams-'));
  // Two seconds of pure red, 25 frames a second.
  const red = ['-f', 'lavfi', '-i', 'color=red:size=322x180:rate=25:duration=2'];
  await run('ffmpeg', ['-loglevel', 'error', ...red, '-c:v', 'mjpeg', '-q:v', '2', join(folder, 'red.mkv')]);
});
afterAll(async () => {
  await converter.close();
  await rm(folder, { recursive: true });
});

function cameraOf(source: object, change: object = {}) {
  const [camera] = deviceConfigSchema.parse({
    site: 's',
    line: 'l',
    device: 'd',
    bundle: 'none',
    broker: { url: 'mqtt://127.0.0.1' },
    cameras: [{ name: 'belt', source, ...change }],
  }).cameras;
  return openCamera(camera as NonNullable<typeof camera>);
}

/** The first frames of a camera with the mean colour of each. */
async function look(source: object, count: number, change: object = {}) {
  const stop = new AbortController();
  const seen: { frame: Frame; colour: number[] }[] = [];
  for await (const frame of cameraOf(source, change).frames(stop.signal)) {
    if ('fault' in frame) throw new Error(frame.fault);
    const { data } = await converter.convert(frame);
    const mean = (c: number) => data.filter((_, i) => i % 3 === c).reduce((sum, v) => sum + v, 0) / (data.length / 3);
    seen.push({ frame: { ...frame, data: new Uint8Array() }, colour: [0, 1, 2].map(mean) });
    if (seen.length === count) stop.abort();
  }
  return seen;
}

function expectColour(found: number[] | undefined, wanted: number[], tolerance = 6): void {
  for (const [c, value] of wanted.entries())
    expect(Math.abs((found?.[c] as number) - value)).toBeLessThanOrEqual(tolerance);
}

describe('frames from GStreamer', () => {
  it.each([
    ['NV12', 'bt601'],
    ['NV12', 'bt709'],
    ['YUY2', 'bt601'],
    ['UYVY', 'bt709'],
    ['I420', 'bt601'],
    ['RGB', 'sRGB'],
    ['BGRx', 'sRGB'],
    ['BGR', 'sRGB'],
  ])('%s in %s, with padded rows, has the colours that were drawn', async (format, colorimetry) => {
    // Rows of 322 pixels are padded in most formats.
    const caps = `video/x-raw,format=${format},width=322,height=242,framerate=30/1,colorimetry=${colorimetry}`;
    const pipeline = `videotestsrc pattern=solid-color foreground-color=0xff20a060 ! ${caps}`;
    const [first] = await look({ type: 'gstreamer', pipeline }, 1);
    expectColour(first?.colour, [0x20, 0xa0, 0x60]);
    expect(first?.frame).toMatchObject({ width: 322, height: 242 });
  });

  it('keeps times, and turns and cuts', async () => {
    const pipeline = 'videotestsrc is-live=true pattern=blue ! video/x-raw,width=320,height=240,framerate=20/1';
    const roi = { x: 10, y: 20, width: 100, height: 50 };
    const seen = await look({ type: 'gstreamer', pipeline }, 10, { roi, rotate: 90 });
    const times = seen.map(({ frame }) => frame.capturedMs);
    const steps = times.slice(1).map((time, i) => time - (times[i] as number));
    // Frames may be left out, never moved: 50 ms or a multiple, but for the clock that is still being learnt.
    for (const step of steps) expect(step).toBeGreaterThan(0);
    const astray = steps.map((step) => Math.abs(step - 50 * Math.round(step / 50)));
    expect(astray.filter((ms) => ms < 5).length).toBeGreaterThan(steps.length / 2);
    expectColour(seen[0]?.colour, [0, 0, 255]);
    const last = seen.at(-1)?.frame as Frame;
    expect(last).toMatchObject({ roi, orientation: { rotate: 90, mirror: false } });
  });

  it.each([
    ['an element that is not there', 'nosuchsrc', /nosuchsrc/],
    ['a device that is not there', 'v4l2src device=/dev/video99', /video99/],
    ['a pipeline that ends', 'videotestsrc num-buffers=0', /has ended/],
  ])('%s is named', async (_, pipeline, message) => {
    await expect(cameraOf({ type: 'gstreamer', pipeline }).check()).rejects.toThrow(message);
  });

  it('a Jetson camera without its element says so', async () => {
    await expect(cameraOf({ type: 'csi' }).check()).rejects.toThrow(/CSI sensor 0.*nvarguscamerasrc/);
  });
});

describe.each(['gstreamer', 'ffmpeg'] as const)('a video file by %s', (program) => {
  it('gives every frame once', async () => {
    const source = { type: 'video', path: join(folder, 'red.mkv'), program };
    const seen = await look(source, 1000);
    expect(seen.map(({ frame }) => frame.sequence)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expectColour(seen[25]?.colour, [254, 0, 0]);
  });

  it('begins again where it is to loop', async () => {
    const seen = await look({ type: 'video', path: join(folder, 'red.mkv'), program, loop: true }, 60);
    expect(seen.at(-1)?.frame.sequence).toBe(59);
  });

  it('a file that is not there is named', async () => {
    await expect(cameraOf({ type: 'video', path: '/no/such.mp4', program }).check()).rejects.toThrow(/\/no\/such\.mp4/);
  });
});

describe.each(['gstreamer', 'ffmpeg'] as const)('a network camera by %s', (program) => {
  it('is seen, and its end is told', async () => {
    const port = await freePort();
    const script = fileURLToPath(new URL('../support/rtsp-server.py', import.meta.url));
    const server = spawn('/usr/bin/python3', [script, `${port}`, 'green'], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(server.stdout, 'data');
      const source = { type: 'rtsp', url: `rtsp://user:secret@127.0.0.1:${port}/line`, program, stallSeconds: 5 };
      const seen = await look(source, 5);
      // The server's JPEG encoder takes limited range for full range: its greys are 16 too bright, its whites 20 too dark.
      expectColour(seen.at(-1)?.colour, [0, 255, 0], 20);
      const camera = cameraOf(source);
      const watching = (async () => {
        for await (const _ of camera.frames(new AbortController().signal)) server.kill('SIGKILL');
      })();
      await expect(watching).rejects.toThrow(/Camera "belt" \(rtsp:\/\/\*\*\*@127/);
    } finally {
      server.kill('SIGKILL');
    }
  });
});
