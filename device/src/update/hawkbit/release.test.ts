import { describe, expect, it } from 'vitest';
import { releaseOf } from './release.js';

const chunk = (name: string, version: string, more: object = {}) => ({ part: 'beltsight', name, version, ...more });
const visible = (value: string) => ({ part: 'application', metadata: [{ key: 'beltsight.release', value }] });

describe('a distribution set', () => {
  it.each([
    [[chunk('bottles', '3')], 'releases/_/bottles-3.json'],
    [[chunk('plant1/bottles', '3')], 'releases/plant1/bottles-3.json'],
    [[chunk('plant1/line1/bottles', '3')], 'releases/plant1/line1/bottles-3.json'],
    [[chunk('debian', '12', { part: 'os' }), chunk('bottles', '3')], 'releases/_/bottles-3.json'],
    [[chunk('Bottles, spring', '2026.1', visible('releases/_/bottles-3.json'))], 'releases/_/bottles-3.json'],
    [[chunk('bottles', '3'), chunk('other', '1', visible('releases/_/bottles-3.json'))], 'releases/_/bottles-3.json'],
  ])('%j names a release', (chunks, release) => {
    expect(releaseOf(chunks)).toEqual({ release });
  });

  it.each([
    [[], /no software module of the type "beltsight"/],
    [[chunk('bottles', '3', { part: 'bApp' })], /no software module of the type "beltsight"/],
    [[chunk('bottles', '3'), chunk('caps', '1')], /bottles-3.json and releases\/_\/caps-1.json: a device runs one/],
    [[chunk('Bottles, spring', '3')], /no target path of a release/],
    [[chunk('bottles', '3', visible('channels/_/stable.json'))], /no target path of a release/],
  ])('%j does not, and says why', (chunks, problem) => {
    expect(releaseOf(chunks)).toEqual({ problem: expect.stringMatching(problem) });
  });
});
