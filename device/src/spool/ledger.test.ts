import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ledger, OVERHEAD_BYTES } from './ledger.js';
import type { Importance } from './record.js';

describe('Ledger', () => {
  const step = fc.oneof(
    fc.record({ push: fc.nat(100), importance: fc.constantFrom<Importance>('picture', 'result') }),
    fc.record({ remove: fc.nat(40) }),
    fc.record({ skip: fc.nat(30) }),
  );

  it('knows what waits, in order, as a map does', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 1500, size: 'max' }), (steps) => {
        const ledger = new Ledger(7);
        const model = new Map<number, { size: number; importance: Importance }>();
        for (const [at, each] of steps.entries()) {
          if ('push' in each) {
            const key = ledger.push(each.push, at, each.importance);
            expect(model.has(key)).toBe(false);
            model.set(key, { size: each.push + OVERHEAD_BYTES, importance: each.importance });
          } else if ('remove' in each) {
            const key = [...model.keys()][each.remove] ?? -1;
            expect(ledger.remove(key)).toBe(model.delete(key));
          } else ledger.skipTo(ledger.tail + each.skip);
        }
        const keys: number[] = [];
        for (let key = ledger.next(0); key !== undefined; key = ledger.next(key + 1)) keys.push(key);
        expect(keys).toEqual([...model.keys()]);
        expect(keys.map((key) => ledger.sizeOf(key))).toEqual([...model.values()].map(({ size }) => size));
        expect(ledger.count).toBe(model.size);
        expect(ledger.bytes).toBe([...model.values()].reduce((sum, { size }) => sum + size, 0));
        expect(ledger.nextPicture()).toBe([...model].find(([, { importance }]) => importance === 'picture')?.[0]);
      }),
      { numRuns: 40 },
    );
  });

  it('puts another ledger behind its own, with the gaps that it had', () => {
    const [first, second] = [new Ledger(0), new Ledger(10)];
    first.push(1, 100, 'result');
    second.push(2, 200, 'picture');
    second.skipTo(15);
    second.push(3, 300, 'result');
    first.append(second, 1000, (at) => at + 1);
    expect(first.next(1)).toBe(1010);
    expect(first.next(1011)).toBe(1015);
    expect([first.timeOf(1010), first.importanceOf(1010), first.sizeOf(1015)]).toEqual([
      201,
      'picture',
      3 + OVERHEAD_BYTES,
    ]);
    expect(first.tail).toBe(1016);
  });
});
