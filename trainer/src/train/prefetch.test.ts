import { describe, expect, it } from 'vitest';
import type { Batch } from './engine.js';
import { Prefetch } from './prefetch.js';

/** Three batches in even epochs, one in odd ones; remembers what it was asked for. */
function sequence(depth: number, fail?: string) {
  const asked: string[] = [];
  const batch = async (epoch: number, index: number): Promise<Batch> => {
    const name = `${epoch}.${index}`;
    asked.push(name);
    if (name === fail) throw new Error(`no batch ${name}`);
    return { images: Uint8Array.of(epoch, index), augmented: undefined, labels: new Int32Array(1) };
  };
  return { asked, data: { depth, batches: (epoch: number) => (epoch % 2 === 0 ? 3 : 1), batch } };
}

describe('Prefetch', () => {
  it('gives every batch once, in order, across epochs, from where a run stopped', async () => {
    const { data } = sequence(3);
    const ahead = new Prefetch(data, { epoch: 0, batch: 2 }, 3);
    const got = [];
    for (let i = 0; i < 5; i++) got.push([...(await ahead.next()).images].join('.'));
    expect(got).toEqual(['0.2', '1.0', '2.0', '2.1', '2.2']);
  });

  it('asks for as many ahead as it may, and for none behind the last epoch', async () => {
    const { asked, data } = sequence(2);
    const ahead = new Prefetch(data, { epoch: 0, batch: 0 }, 2);
    expect(asked).toEqual(['0.0', '0.1']);
    await ahead.next();
    expect(asked).toEqual(['0.0', '0.1', '0.2']);
    for (let i = 0; i < 3; i++) await ahead.next();
    expect(asked).toEqual(['0.0', '0.1', '0.2', '1.0']);
  });

  it('tells of a batch that failed when it is its turn', async () => {
    const { data } = sequence(3, '0.1');
    const ahead = new Prefetch(data, { epoch: 0, batch: 0 }, 1);
    await ahead.next();
    await expect(ahead.next()).rejects.toThrow('no batch 0.1');
  });
});
