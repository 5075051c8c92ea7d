import { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { Frame } from '../frame.js';
import { type View, viewed } from '../view.js';
import { ProcessCamera, type ProcessCameraOptions, type Program } from './process-camera.js';
import { y4mFrames } from './y4m.js';

const EVERYTHING: View = { rotate: 0, mirror: false, every: 1, maxRateHz: null };

/** A camera whose program is a piece of JavaScript that has `write(text)` and `frame()`. */
function camera(
  script: string,
  options: Partial<ProcessCameraOptions> = {},
  output: Program['output'] = 3,
): ProcessCamera {
  const descriptor = output === 3 ? 3 : 1;
  const prelude = `const fs = require('node:fs');
    const write = (text) => fs.writeSync(${descriptor}, text);
    const frame = () => write('FRAME\\n' + 'x'.repeat(6));
    const begin = () => write('YUV4MPEG2 W2 H2 F10:1 C420\\n');`;
  const args = ['-e', prelude + script];
  const program = { command: process.execPath, args, output, stream: y4mFrames, package: 'nodejs' } as const;
  return new ProcessCamera({
    name: 'belt',
    what: 'a script',
    program: async () => program,
    paced: false,
    stallMs: 60_000,
    ...options,
  });
}

async function all(source: ProcessCamera, signal = new AbortController().signal): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const frame of source.frames(signal)) frames.push(frame);
  return frames;
}

describe('ProcessCamera', () => {
  it.each([3, 'stdout'] as const)('gives the frames of a program on %s, numbered, and ends with it', async (output) => {
    const frames = await all(camera('begin(); frame(); frame();', {}, output));
    expect(frames.map(({ sequence }) => sequence)).toEqual([0, 1]);
    expect(frames[0]).toMatchObject({ format: 'YU12', width: 2, height: 2 });
    expect(Math.abs((frames[0]?.capturedMs ?? 0) - performance.now())).toBeLessThan(5000);
  });

  it('knows when frames were taken though the clock of the day is set', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const source = viewed(camera('begin(); for (let i = 0; i < 6; i++) frame();', { paced: true }), EVERYTHING);
      const began = performance.now();
      const times: number[] = [];
      for await (const item of source.frames(new AbortController().signal)) {
        times.push((item as Frame).capturedMs);
        if (times.length === 2) vi.setSystemTime(Date.now() + 3_600_000);
        if (times.length === 4) vi.setSystemTime(Date.now() - 7_200_000);
        if (times.length === 6) break;
      }
      expect(times).toHaveLength(6);
      expect(Math.min(...times)).toBeGreaterThan(began - 1000);
      expect(Math.max(...times)).toBeLessThanOrEqual(performance.now());
    } finally {
      vi.useRealTimers();
    }
  });

  it('begins again where it is told to', async () => {
    const stop = new AbortController();
    const numbers: number[] = [];
    for await (const { sequence } of camera('begin(); frame();', { loop: true }).frames(stop.signal)) {
      if (numbers.push(sequence) === 3) stop.abort();
    }
    expect(numbers).toEqual([0, 1, 2]);
  });

  it('ends a program that goes on for ever when it is told to', async () => {
    const stop = new AbortController();
    const source = camera('begin(); setInterval(frame, 10);');
    let count = 0;
    for await (const _ of source.frames(stop.signal)) if (++count === 2) stop.abort();
    expect(count).toBe(2);
  });

  it('ends one that hears no signal and fills its pipe', async () => {
    const source = camera("process.on('SIGINT', () => {}); begin(); for (;;) frame();");
    for await (const _ of source.frames(new AbortController().signal)) break;
  });

  it('says what a program complained of', async () => {
    const source = camera("begin(); frame(); console.error('could not open /dev/video7'); process.exitCode = 3;");
    await expect(all(source)).rejects.toMatchObject({
      code: 'CAMERA_FAILED',
      message: 'Camera "belt" (a script) ended with status 3. It said: could not open /dev/video7',
    });
  });

  it.each([
    ['whole', "console.error('rtsp://admin:se@cret@camera/line: Input/output error')"],
    ['that is too long', "console.error('rtsp://admin:' + 'secret'.repeat(50) + '@camera/line: Input/output error')"],
    [
      'of which the beginning is forgotten',
      "console.error('rtsp://admin:secret@camera/line: ' + 'error'.repeat(815) + '!')",
    ],
  ])('tells no password of an address %s among the complaints', async (_, complain) => {
    const error = await all(camera(`begin(); ${complain}; process.exitCode = 1;`)).catch((reason) => reason);
    expect(error.message).toMatch(/It said: .*error/);
    expect(error.message).not.toMatch(/cret/);
  });

  it('gives up on one that gives no more frames', async () => {
    const source = camera('begin(); frame(); setInterval(() => {}, 1000);', { stallMs: 400 });
    await expect(all(source)).rejects.toThrow('has given no frame for 0.4 s');
  });

  it('does not take time that its frames are looked at for time without frames', async () => {
    const numbers: number[] = [];
    const source = camera('begin(); frame(); frame();', { stallMs: 2000 });
    for await (const { sequence } of source.frames(new AbortController().signal)) {
      if (numbers.push(sequence) === 1) await sleep(3000);
    }
    expect(numbers).toEqual([0, 1]);
  });

  it('takes frames that wait to be asked for when they are: looking at them slowly does not make them old', async () => {
    let askedMs = performance.now();
    const source = camera('begin(); for (let i = 0; i < 4; i++) frame();');
    for await (const { capturedMs } of source.frames(new AbortController().signal)) {
      expect(capturedMs).toBeGreaterThanOrEqual(askedMs);
      // Frames of this stream are 100 ms apart.
      await sleep(200);
      askedMs = performance.now();
    }
  });

  it('gives up on one that cannot be ended, and does not start it again beside that', async () => {
    const kill = vi.spyOn(ChildProcess.prototype, 'kill').mockReturnValue(true);
    const source = camera('setInterval(() => {}, 1000);', { stallMs: 400 });
    await expect(all(source)).rejects.toThrow('has given no frame for 0.4 s');
    await expect(all(source)).rejects.toThrow(/hangs and cannot be ended: restart the device/);
    const [child] = kill.mock.contexts as unknown as [ChildProcess];
    kill.mockRestore();
    child.kill('SIGKILL');
    await once(child, 'exit');
    await expect(all(source)).rejects.toThrow('has given no frame for 0.4 s');
  });

  it('takes the end of a stream that comes at its own pace for a failure', async () => {
    await expect(all(camera('begin(); frame();', { paced: true }))).rejects.toThrow(
      'Camera "belt" (a script) has ended.',
    );
  });

  it('says which package holds a program that is not there', async () => {
    const program = {
      command: '/no/such/gst',
      args: [],
      output: 3,
      stream: y4mFrames,
      package: 'gstreamer1.0-tools',
    } as const;
    await expect(all(camera('', { program: async () => program }))).rejects.toThrow(
      'needs /no/such/gst: install gstreamer1.0-tools',
    );
  });

  it('says what is wrong with the frames', async () => {
    await expect(all(camera("write('GIF89a\\n');"))).rejects.toThrow(/belt.*GIF89a.*no YUV4MPEG2/);
  });

  it('checks by looking at one frame', async () => {
    expect(await camera('begin(); setInterval(frame, 10);').check()).toBe('a script: 2x2 YU12');
    await expect(camera('begin();').check()).rejects.toThrow('gives no frame');
  });
});
