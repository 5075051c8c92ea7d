import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { BeltsightError, withoutPassword } from '@beltsight/sdk';
import { atMost } from '../../pause.js';
import type { Camera, Frame } from '../frame.js';
import { FrameRing } from '../ring.js';
import { ByteReader } from './byte-reader.js';
import { StreamClock } from './clock.js';
import type { FrameStream } from './stream.js';

/** A program that writes frames to file descriptor 3 (`/dev/fd/3`) or its standard output. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly output: 'stdout' | 3;
  readonly stream: FrameStream;
  /** Debian package to install where the command is not there. */
  readonly package: string;
}

export interface ProcessCameraOptions {
  readonly name: string;
  /** Where the frames come from, in words, without passwords: it stands in every error. */
  readonly what: string;
  readonly program: () => Promise<Program>;
  /** Whether frames come at their own pace, ready or not. */
  readonly paced: boolean;
  /** A program that gives no frame for so long is ended. */
  readonly stallMs: number;
  /** Begin again when the program has ended well. */
  readonly loop?: boolean;
}

/** Between the request to end and the end by force, and for that at most. */
const PATIENCE_MS = 2000;
/** What is kept of a program's complaints. */
const COMPLAINT_BYTES = 4096;
/** What is told of them: GStreamer names the cause in the first of four. */
const LINES = 4;

/** Frames from another program over a pipe: GStreamer or ffmpeg. */
export class ProcessCamera implements Camera {
  readonly name: string;
  readonly paced: boolean;
  /** The program that could not be ended. */
  #left: ChildProcess | undefined;

  constructor(private readonly options: ProcessCameraOptions) {
    this.name = options.name;
    this.paced = options.paced;
  }

  async check(): Promise<string> {
    const stop = new AbortController();
    try {
      for await (const { format, width, height } of this.frames(stop.signal)) {
        return `${this.options.what}: ${width}x${height} ${format}`;
      }
    } finally {
      stop.abort();
    }
    throw this.#failed('gives no frame');
  }

  async *frames(signal: AbortSignal): AsyncGenerator<Frame> {
    const ring = new FrameRing();
    let sequence = 0;
    do {
      for await (const frame of this.#play(ring, signal)) yield { ...frame, sequence: sequence++ };
    } while (this.options.loop && sequence > 0 && !signal.aborted);
  }

  /** Frames of one run of the program. */
  async *#play(ring: FrameRing, signal: AbortSignal): AsyncGenerator<Omit<Frame, 'sequence'>> {
    const { program: choose, stallMs } = this.options;
    if (this.#left && isRunning(this.#left)) throw this.#failed('hangs and cannot be ended: restart the device');
    const program = await choose();
    const child = start(program);
    const output = child.stdio[program.output === 'stdout' ? 1 : 3] as Readable;
    const complaint = complaintOf(child);
    const stall = new AbortController();
    const ended = endOf(child, program, stall.signal);
    const end = () => child.kill('SIGINT');
    signal.addEventListener('abort', end, { once: true });
    // The time that a frame is looked at is not the program's.
    let lookedAt = false;
    const watchdog = setInterval(() => {
      if (lookedAt) return;
      child.kill('SIGKILL');
      // One that hangs in the kernel is not ended by that: nobody waits for it, nor for its frames.
      stall.abort();
      output.destroy();
    }, stallMs);
    const clock = new StreamClock();
    try {
      for await (const { timeMs, ...frame } of program.stream(new ByteReader(output), ring)) {
        const arrivedMs = performance.now();
        lookedAt = true;
        // Frames that wait to be asked for keep no pace: by the times of their stream they would grow older and older.
        yield { ...frame, capturedMs: this.paced ? clock.capturedMs(timeMs, arrivedMs) : arrivedMs };
        lookedAt = false;
        watchdog.refresh();
        if (signal.aborted) return;
      }
      const failure = await ended;
      if (signal.aborted) return;
      if (stall.signal.aborted) throw this.#failed(`has given no frame for ${stallMs / 1000} s`, complaint());
      if (failure !== undefined) throw this.#failed(failure, complaint());
      // A line does not end: a network camera that went away may look like a stream that is over.
      if (this.paced) throw this.#failed('has ended', complaint());
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof BeltsightError) throw error;
      throw stall.signal.aborted
        ? this.#failed(`has given no frame for ${stallMs / 1000} s`, complaint())
        : this.#failed((error as Error).message, complaint());
    } finally {
      clearInterval(watchdog);
      signal.removeEventListener('abort', end);
      if (!(await stop(child))) this.#left = child;
    }
  }

  #failed(problem: string, complaint = ''): BeltsightError {
    const { name, what } = this.options;
    const said = complaint === '' ? '' : ` It said: ${complaint}`;
    return new BeltsightError('CAMERA_FAILED', `Camera "${name}" (${what}) ${problem}.${said}`);
  }
}

function start({ command, args, output }: Program): ChildProcess {
  const pipes =
    output === 'stdout' ? (['ignore', 'pipe', 'pipe'] as const) : (['ignore', 'ignore', 'pipe', 'pipe'] as const);
  return spawn(command, args, { stdio: [...pipes] });
}

/** Resolves when the program has ended, or nobody waits any more: undefined if it ended well, or what is wrong. */
async function endOf(
  child: ChildProcess,
  { command, package: debian }: Program,
  enough: AbortSignal,
): Promise<string | undefined> {
  try {
    const [status, signal] = await once(child, 'close', { signal: enough });
    if (status === 0) return undefined;
    return signal ? `was ended by ${signal}` : `ended with status ${status}`;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? `needs ${command}: install ${debian}` : message;
  }
}

/** The last lines that the program wrote to its standard error, those about errors first of all. */
function complaintOf(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    // Programs tell addresses with their passwords: these go before anything is cut off, which would leave parts of them.
    const lines = (text + chunk.toString('utf8')).split('\n').map(withoutPassword);
    text = lines.join('\n').slice(-COMPLAINT_BYTES);
  });
  return () => {
    const lines = text.split('\n').map((line) => line.trim());
    const errors = lines.filter((line) => /error|missing|fail/i.test(line));
    const told = errors.length > 0 ? errors : lines.filter((line) => line !== '');
    return told
      .slice(-LINES)
      .map((line) => line.slice(0, 200))
      .join(' ');
  };
}

/** @returns whether the program has ended */
async function stop(child: ChildProcess): Promise<boolean> {
  if (!isRunning(child)) return true;
  const exited = once(child, 'exit').catch(() => undefined);
  child.kill('SIGINT');
  // A program that waits for its pipe to be read would never hear the signal.
  for (const pipe of child.stdio) pipe?.destroy();
  await atMost(PATIENCE_MS, exited);
  if (isRunning(child)) {
    child.kill('SIGKILL');
    await atMost(PATIENCE_MS, exited);
  }
  return !isRunning(child);
}

const isRunning = ({ pid, exitCode, signalCode }: ChildProcess) =>
  pid !== undefined && exitCode === null && signalCode === null;
