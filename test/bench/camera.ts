/**
 * npm run bench -- camera [--json FILE] [--seconds 10]
 *
 * What capturing costs apart from the camera: copying a 1080p frame out of mapped memory, and the processor time of the capture
 * thread at 1080p and 30 frames a second; and what a consumer that takes 150 ms a frame does to the stream. Frames come from the fake
 * driver of node-v4l2, in the capture thread.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openCamera, type PixelFormat } from 'node-v4l2';
import { scenario, spawnFake } from 'node-v4l2/testing';
import { OPEN } from '../../device/v4l2/src/abi/constants.js';
import { planesOf } from '../../device/v4l2/src/abi/formats.js';
import { copyPlanes } from '../../device/v4l2/src/capture/geometry.js';
import { type Mapping, systemLibc } from '../../device/v4l2/src/libc.js';

const { values } = parseArgs({ options: { json: { type: 'string' }, seconds: { type: 'string', default: '10' } } });
const seconds = Number(values.seconds);
const [WIDTH, HEIGHT, RATE_HZ] = [1920, 1080, 30];
const HD = { device: '/dev/video0', width: WIDTH, height: HEIGHT, fps: RATE_HZ } as const;
/** Of the clock that /proc counts processor time by (sysconf(_SC_CLK_TCK) of Linux). */
const TICKS_PER_SECOND = 100;

const copies = { YUYV: copyCost('YUYV'), NV12: copyCost('NV12') };
const slow = await slowConsumer(150);
const share = await processorShare();

console.log(
  `copy of a 1080p frame  YUYV ${copies.YUYV.toFixed(2)} ms, NV12 ${copies.NV12.toFixed(2)} ms (medians of 300)`,
);
console.log(
  `150 ms a frame, 30 Hz  ${slow.delivered} delivered, ${slow.dropped} stale ones dropped, ${slow.lost} lost by the driver, in ${seconds} s; event-loop delay p99 ${slow.delayP99Ms.toFixed(1)} ms`,
);
console.log(`capture thread         ${(share * 100).toFixed(1)} % of a processor at 1080p YUYV, 30 Hz`);
if (values.json) writeFileSync(values.json, `${JSON.stringify({ copies, slow, share }, null, 2)}\n`);

/** Median milliseconds of a copy from mapped memory, one buffer after the other as a driver fills them, into shared memory. */
function copyCost(format: PixelFormat): number {
  const planes = planesOf(format, format, WIDTH, HEIGHT, []);
  const sizeBytes = planes.reduce((sum, plane) => sum + plane.sizeBytes, 0);
  const folder = mkdtempSync(join(tmpdir(), 'beltsight-bench-'));
  const libc = systemLibc();
  const mappings = Array.from({ length: 4 }, (_, i): Mapping => {
    const file = join(folder, `buffer${i}`);
    writeFileSync(file, Buffer.alloc(sizeBytes, i));
    const mapping = libc.mmap(libc.open(file, OPEN.RDWR), sizeBytes, 0);
    if (typeof mapping === 'number') throw new Error(`mmap failed with ${mapping}`);
    return mapping;
  });
  const target = new Uint8Array(new SharedArrayBuffer(sizeBytes));
  const times = Array.from({ length: 300 }, (_, i) => {
    const start = performance.now();
    copyPlanes({ planes, sizeBytes }, [mappings[i % mappings.length] as Mapping], target);
    return performance.now() - start;
  });
  for (const mapping of mappings) libc.munmap(mapping);
  rmSync(folder, { recursive: true });
  return times.sort((a, b) => a - b)[times.length / 2] as number;
}

/** A consumer that is busy for a while with every frame, its event loop free. */
async function slowConsumer(busyMs: number) {
  const camera = await openCamera(HD, spawnFake(scenario({ rateHz: RATE_HZ })));
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const end = performance.now() + seconds * 1000;
  for await (const _ of camera) {
    if (performance.now() > end) break;
    await sleep(busyMs);
  }
  delay.disable();
  const { stats } = camera;
  await camera.close();
  return { ...stats, delayP99Ms: delay.percentile(99) / 1e6 };
}

/** Part of one processor that the capture thread takes while a consumer takes every frame. */
async function processorShare(): Promise<number> {
  const before = new Set(threads());
  const camera = await openCamera(HD, spawnFake(scenario({ rateHz: RATE_HZ, render: false })));
  const ours = threads().filter((thread) => !before.has(thread));
  // What it takes to start is not capturing.
  await sleep(2000);
  const [from, start] = [ticks(ours), performance.now()];
  for await (const _ of camera) if (performance.now() - start > seconds * 1000) break;
  const used = (ticks(ours) - from) / TICKS_PER_SECOND;
  const elapsed = (performance.now() - start) / 1000;
  await camera.close();
  return used / elapsed;
}

function threads(): string[] {
  return readdirSync('/proc/self/task');
}

/** User and system time of threads, in ticks (utime and stime of proc(5)). */
function ticks(ids: readonly string[]): number {
  return ids.reduce((sum, id) => {
    const fields = readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return sum + Number(fields[11]) + Number(fields[12]);
  }, 0);
}
