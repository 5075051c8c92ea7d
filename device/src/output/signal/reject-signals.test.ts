import { afterEach, describe, expect, it, vi } from 'vitest';
import { figuresOf } from '../../../../test/support/publisher-figures.js';
import { EncoderTrack } from './encoder-track.js';
import { RejectSignals } from './reject-signals.js';

/** Signals by an encoder with a clock of its own, that has told a count a millisecond for a second, at every tenth. */
function afterASecond() {
  const clock = { ms: 0 };
  const options = { bits: 32, reverse: false, resetCounts: 5000, toleranceMs: 50 } as const;
  const track = new EncoderTrack(options, () => clock.ms);
  const [error, warn, say] = [vi.fn(), vi.fn(), vi.fn(() => true)];
  const signals = new RejectSignals({
    camera: 'belt',
    config: { distance: 5000, encoder: { topic: 'e', bits: 32, reverse: false }, maxLateMs: 50, maxPending: 2 },
    topic: 'reject',
    speaker: { figures: figuresOf(), say: vi.fn(), sayNow: say },
    pulse: undefined,
    encoder: { track } as never,
    logger: { warn, error: (_: object, message: string) => error(message) } as never,
  });
  const read = (count: number, ms: number) => {
    clock.ms = ms;
    track.read(count);
    signals.moved();
  };
  const reject = (capturedMs: number) =>
    signals.push({ results: [], capturedMs, verdict: 'reject', class: null, count: undefined });
  for (let ms = 0; ms <= 1000; ms += 10) read(ms, ms);
  return { signals, clock, error, warn, say, read, reject };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('RejectSignals', () => {
  it('loses what was captured in a silence of the encoder while the belt ran and stood, rather than placing it too early', () => {
    const { signals, clock, error, say, read, reject } = afterASecond();
    clock.ms = 2600;
    reject(2500);
    expect(signals.figures).toEqual({ sent: 0, lost: 0, pending: 1 });
    read(2000, 3000);
    expect(signals.figures).toEqual({ sent: 0, lost: 1, pending: 0 });
    expect(error.mock.calls).toEqual([[expect.stringMatching(/no position when the frame was captured/)]]);
    read(7900, 7900);
    expect(say).not.toHaveBeenCalled();
  });

  it('places what was captured in a silence in which the belt ran on, and gives what passes in it in time', () => {
    const { signals, clock, say, read, reject } = afterASecond();
    clock.ms = 1070;
    reject(1065);
    read(1080, 1080);
    for (let ms = 1090; ms <= 6000; ms += 10) read(ms, ms);
    read(6080, 6080);
    expect(say).toHaveBeenCalledTimes(1);
    expect(signals.figures).toEqual({ sent: 1, lost: 0, pending: 0 });
  });

  it('places what was captured while the belt stood and the encoder was silent', () => {
    const { signals, say, read, reject } = afterASecond();
    reject(2500);
    read(1005, 10_000);
    expect(signals.figures).toEqual({ sent: 0, lost: 0, pending: 1 });
    read(5990, 15_000);
    expect(say).not.toHaveBeenCalled();
    read(6010, 15_010);
    expect(signals.figures).toEqual({ sent: 1, lost: 0, pending: 0 });
  });

  it('loses what would pass the ejector in a silence, instead of hitting another product after it', () => {
    const { signals, say, read, reject } = afterASecond();
    reject(1000);
    read(6010, 8000);
    expect(say).not.toHaveBeenCalled();
    expect(signals.figures).toEqual({ sent: 0, lost: 1, pending: 0 });
  });

  it('says once in a silence that a signal has waited long for the encoder', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { signals, warn, read, reject } = afterASecond();
    reject(2000);
    vi.advanceTimersByTime(4000);
    read(1005, 6000);
    reject(8000);
    vi.advanceTimersByTime(4000);
    expect(warn).not.toHaveBeenCalled();
    reject(12_000);
    vi.advanceTimersByTime(60_000);
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/encoder of camera "belt" .*silent.* gateway/)]]);
    for (const ms of [80_000, 80_010]) read(1010, ms);
    reject(90_000);
    vi.advanceTimersByTime(60_000);
    expect(warn).toHaveBeenCalledTimes(2);
    read(1010, 160_000);
    reject(250_000);
    const closed = signals.close(1);
    vi.advanceTimersByTime(1);
    await closed;
    vi.advanceTimersByTime(60_000);
    expect(warn).toHaveBeenCalledTimes(2);
  });

  it('lets no more wait for the encoder than may, and loses them at the end', async () => {
    const { signals, error, reject } = afterASecond();
    for (const ms of [2000, 2100, 2200]) reject(ms);
    expect(signals.figures).toEqual({ sent: 0, lost: 1, pending: 2 });
    expect(error.mock.calls).toEqual([[expect.stringMatching(/maxPending \(2\)/)]]);
    await signals.close(10);
    expect(signals.figures).toEqual({ sent: 0, lost: 3, pending: 0 });
  });
});
