import type { TestSource } from '../config/schema.js';
import { pause } from '../pause.js';
import type { Camera, Frame } from './frame.js';
import { FrameRing } from './ring.js';

/** SMPTE colour bars at 75 %: white, yellow, cyan, green, magenta, red, blue. */
const BARS = [
  [191, 191, 191],
  [191, 191, 0],
  [0, 191, 191],
  [0, 191, 0],
  [191, 0, 191],
  [191, 0, 0],
  [0, 0, 191],
] as const;

/** Colour bars with a white bar that wanders from left to right: a camera for tests, and to try a device without one. */
export class TestCamera implements Camera {
  readonly paced = true;

  constructor(
    readonly name: string,
    private readonly source: TestSource,
  ) {}

  async check(): Promise<string> {
    const { width, height, rateHz } = this.source;
    return `test pattern, ${width}x${height} at ${rateHz} Hz`;
  }

  async *frames(signal: AbortSignal): AsyncGenerator<Frame> {
    const { width, height, rateHz } = this.source;
    const ring = new FrameRing();
    let due = performance.now();
    for (let sequence = 0; ; sequence++) {
      due = Math.max(due + 1000 / rateHz, performance.now());
      if (!(await pause(due - performance.now(), signal))) return;
      const data = ring.take(width * height * 3);
      draw(data, width, height, sequence);
      yield { format: 'RGB24', width, height, data, sequence, capturedMs: performance.now() };
    }
  }
}

function draw(data: Uint8Array, width: number, height: number, sequence: number): void {
  const row = new Uint8Array(width * 3);
  const white = sequence % width;
  for (let x = 0; x < width; x++) {
    const colour = x === white ? [255, 255, 255] : (BARS[Math.floor((x * BARS.length) / width)] ?? BARS[0]);
    row.set(colour, x * 3);
  }
  for (let y = 0; y < height; y++) data.set(row, y * row.length);
}
