import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resultOf } from '../../../../test/support/result-message.js';
import { outputsSchema } from '../schema.js';
import { judgeFrame, type Run } from './bad.js';
import { Judge } from './judge.js';
import { type Vote, vote } from './votes.js';

const votes = fc.array(fc.boolean(), { maxLength: 60 });
const needed = fc
  .tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: 8 }))
  .map(([bad, more]) => ({ bad, of: bad + more }));

describe('m of n', () => {
  it('carries a bad vote exactly when the window holds m bad ones', () => {
    fc.assert(
      fc.property(votes, needed, (all, rule) => {
        let last: readonly Vote[] = [];
        all.forEach((bad, i) => {
          const step = vote(last, { id: `${i}`, bad }, rule);
          last = step.last;
          const window = all.slice(Math.max(0, i + 1 - rule.of), i + 1);
          expect(step.carried).toBe(bad && window.filter(Boolean).length >= rule.bad);
          expect(last.length).toBeLessThanOrEqual(rule.of);
        });
      }),
    );
  });
});

describe('a bad frame', () => {
  const at = (score: number, name = 'cap') =>
    ({ verdict: score >= 1 ? 'reject' : 'pass', score, threshold: 1, class: name }) as const;
  const badOf = (frames: ReturnType<typeof at>[], hysteresis: number) => {
    let run: Run;
    return frames.map((frame) => {
      const step = judgeFrame(frame, run, { unknown: 'reject', hysteresis });
      run = step.run;
      return step.bad;
    });
  };

  it('begins a run at the threshold, which ends below the lower one', () => {
    const scores = [0.9, 1, 0.85, 0.8, 0.79, 0.9].map((score) => at(score));
    expect(badOf(scores, 0.2)).toEqual([false, true, true, true, false, false]);
    expect(badOf(scores, 0)).toEqual([false, true, false, false, false, false]);
  });

  it('of another class does not go on with the run', () => {
    expect(badOf([at(1), at(0.9, 'pcb'), at(0.9)], 0.2)).toEqual([true, false, false]);
  });

  it.each([
    ['reject', true],
    ['pass', false],
  ] as const)('is an unknown one where unknown counts as %s', (unknown, bad) => {
    const seen = { verdict: 'unknown', score: 9, threshold: null, class: null } as const;
    expect(judgeFrame(seen, { class: 'cap' }, { unknown, hysteresis: 0.5 })).toEqual({ bad, run: undefined });
  });
});

describe('Judge', () => {
  const judgeOf = (config: object) => new Judge(outputsSchema.parse(config));
  /** Ids of the results that each rejection names, by the numbers of their frames. */
  const rejections = (judge: Judge, frames: { bad: boolean; sequence: number; at: number }[]) =>
    frames.flatMap(({ bad, sequence, at }) => {
      const { rejection } = judge.judge(resultOf({ verdict: bad ? 'reject' : 'pass', sequence }), at);
      return rejection ? [{ at: rejection.capturedMs, frames: rejection.results.length }] : [];
    });
  const frames = (pattern: string, numbers?: number[]) =>
    [...pattern].map((letter, i) => {
      const sequence = numbers?.[i] ?? i;
      return { bad: letter === 'x', sequence, at: sequence * 10 };
    });

  it('takes each frame for a product unless told otherwise', () => {
    expect(rejections(judgeOf({}), frames('.x.xx'))).toEqual([
      { at: 10, frames: 1 },
      { at: 30, frames: 1 },
      { at: 40, frames: 1 },
    ]);
  });

  it('rejects no good product, however many before it were bad', () => {
    const judge = judgeOf({ product: { by: 'frame', bad: 2, of: 3 } });
    expect(rejections(judge, frames('x.x.xx...x'))).toEqual([
      { at: 20, frames: 2 },
      { at: 40, frames: 2 },
      { at: 50, frames: 2 },
    ]);
  });

  it('rejects a product of several frames once, counted from its first frame', () => {
    const judge = judgeOf({ product: { by: 'count', frames: 4, bad: 2 } });
    expect(rejections(judge, frames('.xxx' + 'x...' + '..xx'))).toEqual([
      { at: 0, frames: 2 },
      { at: 80, frames: 2 },
    ]);
  });

  it('keeps frames with their product when some were dropped, and begins anew with the camera', () => {
    const judge = judgeOf({ product: { by: 'count', frames: 4, bad: 2 } });
    // 2 and 3 of the first product are missing, and 0 of the second; then the camera was opened again.
    expect(rejections(judge, frames('.x' + 'x.x' + 'xx', [0, 1, 5, 6, 7, 0, 1]))).toEqual([
      { at: 50, frames: 2 },
      { at: 0, frames: 2 },
    ]);
  });

  it('tells products apart by the gap between them', () => {
    const judge = judgeOf({ product: { by: 'gap', gapMs: 100, bad: 2 } });
    const seen = [0, 10, 20, 200, 210, 400, 410].map((at, i) => ({ bad: [1, 2, 3, 6].includes(i), sequence: i, at }));
    expect(rejections(judge, seen)).toEqual([{ at: 0, frames: 2 }]);
  });

  it('tells the charts of each product once, when it has passed', () => {
    const judge = judgeOf({ product: { by: 'count', frames: 2 } });
    const finished = frames('x..' + '...x').map(({ bad, sequence }) =>
      judge.judge(resultOf({ verdict: bad ? 'unknown' : 'pass', sequence }), 0),
    );
    expect(finished.map(({ finished: product }) => product?.verdict)).toEqual([
      undefined,
      undefined,
      'unknown',
      undefined,
      'pass',
      undefined,
      'pass',
    ]);
  });

  it('refuses what can never be', () => {
    expect(() => judgeOf({ product: { by: 'frame', bad: 3, of: 2 } })).toThrow(/larger than/);
    expect(() => judgeOf({ product: { by: 'count', frames: 2, bad: 3 } })).toThrow(/larger than/);
  });
});
