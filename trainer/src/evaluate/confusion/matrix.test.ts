import { describe, expect, it } from 'vitest';
import { columnsFor, confusedPairs, confusionMatrix } from './matrix.js';

describe('a confusion matrix', () => {
  const taken = [
    ['cap', 'cap'],
    ['cap', 'nut'],
    ['nut', 'nut'],
    ['nut', 'nut'],
    ['nut', 'nut'],
    ['nut', 'none'],
  ].map(([from, to]) => ({ from: from as string, to: to as string }));
  const matrix = confusionMatrix(['cap', 'nut', 'pin'], ['cap', 'nut', 'none'], taken);

  it('counts rows as columns', () => {
    expect(matrix.counts).toEqual([
      [1, 1, 0],
      [0, 3, 1],
      [0, 0, 0],
    ]);
  });

  it('names the pairs that are confused most by their share of the class', () => {
    expect(confusedPairs(matrix)).toEqual([
      { from: 'cap', to: 'nut', images: 1, share: 0.5 },
      { from: 'nut', to: 'none', images: 1, share: 0.25 },
    ]);
  });

  it('has its own classes on the diagonal, in whatever order the model knows them', () => {
    expect(columnsFor(['cap', 'new', 'nut'], ['pin', 'nut', 'cap'])).toEqual(['cap', 'nut', 'pin']);
  });

  it('has no place for what it has no column for', () => {
    expect(() => confusionMatrix(['cap'], ['cap'], [{ from: 'cap', to: 'nut' }])).toThrow('"cap" as "nut"');
  });
});
