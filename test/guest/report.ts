import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** One answer of the guest program, a line of its output. */
export interface Answer {
  readonly check: string;
  /** What was found, or what went wrong. */
  readonly found?: Record<string, unknown>;
  readonly error?: string;
  readonly tookMs: number;
}

/** Runs a check and prints what it found as one line of JSON. */
export async function check(name: string, run: () => Promise<Record<string, unknown>>): Promise<void> {
  const start = performance.now();
  const took = () => Math.round(performance.now() - start);
  let answer: Answer;
  try {
    const found = await run();
    answer = { check: name, found, tookMs: took() };
  } catch (error) {
    answer = { check: name, error: (error as Error).stack ?? String(error), tookMs: took() };
  }
  const text = JSON.stringify(answer, (_, value) => {
    if (typeof value === 'bigint') return `${value}n`;
    return value instanceof Set ? [...value] : value;
  });
  // The kernel writes to the same console, and does not end its lines before ours.
  process.stdout.write(`\n@@${text}\n`);
}

/** An error as data. */
export function failure(error: unknown): Record<string, unknown> {
  const { name, code, message, call, errno, device } = error as Record<string, unknown>;
  return { name, code, message, call, errno, device };
}

/** What the process holds: open video devices, mapped buffers, resident memory. */
export function held(): { files: number; devices: number; mappings: number; residentMb: number } {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  const maps = readFileSync('/proc/self/maps', 'utf8').split('\n');
  return {
    files: targets.length,
    devices: targets.filter((target) => target.startsWith('/dev/video')).length,
    mappings: maps.filter((line) => line.includes('/dev/video')).length,
    residentMb: process.memoryUsage.rss() / 2 ** 20,
  };
}
