import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from '../guest/report.js';
import { runDeviceGuest } from '../support/device-guest.js';

/** It takes a minute on an idle machine, and far more beside other work. */
const GUEST_MS = 900_000;
/** Results whose latency is taken. */
const RESULTS = 20;
/** Bytes of a page, in which memory is mapped. */
const PAGE = 4096;
/** What a buffer of two bytes a pixel takes when it is mapped. */
const mapped = (width: number, height: number) => Math.ceil((2 * width * height) / PAGE) * PAGE;

let folder: string;
let answers: ReadonlyMap<string, Answer>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'beltsight-device-cameras-'));
  answers = await runDeviceGuest({ folder, results: RESULTS, timeoutMs: GUEST_MS });
}, GUEST_MS);
afterAll(() => rmSync(folder, { recursive: true }));

/** What a check found. Its shape is that of test/guest/device.ts. */
// biome-ignore lint/suspicious/noExplicitAny: answers come as text from another machine; each test says what it expects.
function found(check: string): any {
  const answer = answers.get(check);
  if (answer?.found === undefined) throw new Error(`"${check}" failed in the guest: ${answer?.error ?? 'no answer'}`);
  return answer.found;
}

const RUNNING = { state: 'online', camera: { state: 'running' } };
const failure = (error: RegExp) => ({
  state: 'degraded',
  camera: { state: 'failed', error: expect.stringMatching(error) },
});

describe('a device on a kernel with a virtual HDMI input', () => {
  it('inspects what it is set to', () => {
    const { camera, buffers, ...rest } = found('start');
    expect({ camera, ...rest }).toMatchObject(RUNNING);
    expect(camera.failures).toBe(0);
    expect(buffers).toEqual([mapped(320, 240)]);
  });

  it('tells how long it takes from the capture to the result', () => {
    const { count, p50, p99 } = found('latency');
    console.log(`capture to result on an emulated processor: p50 ${p50} ms, p99 ${p99} ms of ${count} results`);
    expect(count).toBeGreaterThanOrEqual(RESULTS);
    expect(p50).toBeGreaterThan(0);
    expect(p99).toBeGreaterThanOrEqual(p50);
  });

  it('says that the source changed while it streamed, and then that there is none', () => {
    const { changed, lost } = found('signal lost');
    expect(changed).toMatchObject(failure(/another picture size, or none/));
    expect(changed.camera.failures).toBe(1);
    expect(lost).toMatchObject(failure(/no signal.*plug the source in/));
    expect(lost.buffers).toEqual([]);
  });

  it('takes up a source of another size once there is one', () => {
    const after = found('other signal');
    expect(after).toMatchObject(RUNNING);
    expect(after.buffers).toEqual([mapped(720, 480)]);
  });

  it('says that it is unplugged, and goes on by itself when it comes back under another name, in the size that another program set', () => {
    const { before, gone, missing, path, newPath, after } = found('unplugged and replugged');
    expect(gone).toMatchObject(failure(/is gone; plug it in again/));
    expect(gone.camera.failures).toBe(before.camera.failures + 1);
    expect(missing).toMatchObject(failure(/No camera has the id platform:vivid-000/));
    expect([path, newPath]).toEqual(['/dev/video0', '/dev/video1']);
    expect(after).toMatchObject(RUNNING);
    expect(after.buffers).toEqual([mapped(320, 240)]);
    expect(after.results).toBeGreaterThan(before.results);
  });

  it('loses no result, in one process from the first to the last', () => {
    const { code, state, inspected, results, ids } = found('stopped');
    expect({ code, state }).toEqual({ code: 0, state: 'offline' });
    expect({ inspected, ids }).toEqual({ inspected: results, ids: results });
  });
});
