import { describe, expect, it } from 'vitest';
import { commandOf, KEYS } from '../keys.js';
import { addCamera, restore } from './cameras.js';
import { emptyState, type Point, type State } from './model.js';
import { type Action, act, cameraOn, replayed, type Screen } from './screen.js';

const limits = { results: 9, rejects: 9, cameras: 9, staleMs: 1, holdMs: 1 };
const address = { site: 's', line: 'l', device: 'd' };
const point = (id: string): Point => ({
  id,
  at: 0,
  verdict: 'reject',
  score: 2,
  threshold: 1,
  product: null,
  source: undefined,
});
const withCameras = (...names: string[]): State =>
  names.reduce<State>((state, name) => addCamera(state, address, name), emptyState(limits, 0));
const screen: Screen = {
  camera: undefined,
  overview: false,
  replay: undefined,
  heatmap: true,
  opacity: 0.8,
  theme: 'dark',
  dim: 0,
};
const acted = (state: State, ...actions: Action[]) => actions.reduce((now, action) => act(now, action, state), screen);
const seen = (state: State, ...actions: Action[]) => cameraOn(state, acted(state, ...actions))?.name;

describe('which camera is seen', () => {
  const three = withCameras('b', 'c', 'a');

  it('is the only one, else the overview until one is chosen', () => {
    expect(seen(withCameras('a'))).toBe('a');
    expect(seen(withCameras('a'), { type: 'overview' })).toBeUndefined();
    expect(seen(three)).toBeUndefined();
  });

  it('follows numbers and turns, in the order of names', () => {
    expect(seen(three, { type: 'camera', index: 1 })).toBe('b');
    expect(seen(three, { type: 'camera', index: 7 })).toBeUndefined();
    expect(seen(three, { type: 'turn', by: 1 })).toBe('a');
    expect(seen(three, { type: 'turn', by: -1 })).toBe('c');
    expect(seen(three, { type: 'camera', index: 2 }, { type: 'turn', by: 1 })).toBe('a');
  });
});

describe('replay', () => {
  const rejects = ['1', '2', '3'].map(point);
  const state = restore(withCameras('a'), { address, camera: 'a', points: [], rejects });
  const older: Action = { type: 'step', by: -1 };
  const newer: Action = { type: 'step', by: 1 };
  const shown = (...actions: Action[]) => replayed(cameraOn(state, screen), acted(state, ...actions))?.id;

  it('steps from the newest reject to the oldest, and back to live', () => {
    expect(shown(older)).toBe('3');
    expect(shown(older, older, older, older, older)).toBe('1');
    expect(shown(older, older, newer)).toBe('3');
    expect(shown(older, newer)).toBeUndefined();
    expect(shown(newer)).toBeUndefined();
    expect(shown(older, { type: 'live' })).toBeUndefined();
  });

  it('ends when another camera is chosen, or its reject is no longer kept', () => {
    expect(shown(older, { type: 'overview' })).toBeUndefined();
    expect(shown({ type: 'replay', id: 'gone' })).toBeUndefined();
  });
});

describe('keys', () => {
  const press = (key: string, change = {}) =>
    commandOf({ key, ctrlKey: false, altKey: false, metaKey: false, ...change });

  it('mean the same as capitals, and nothing together with Ctrl, Alt or the system key', () => {
    expect(press('H')).toEqual({ type: 'heatmap' });
    expect(press('3')).toEqual({ type: 'camera', index: 2 });
    for (const modifier of ['ctrlKey', 'altKey', 'metaKey']) expect(press('a', { [modifier]: true })).toBeUndefined();
    expect(press('x')).toBeUndefined();
  });

  it('are each taken once', () => {
    const all = KEYS.flatMap(({ keys }) => keys);
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('look', () => {
  it('dims in steps round and keeps the heatmap between seen and opaque', () => {
    const state = withCameras('a');
    expect(acted(state, { type: 'dim' }, { type: 'dim' }, { type: 'dim' }).dim).toBe(0);
    expect(acted(state, { type: 'heatmap' }, { type: 'opacity', opacity: 5 })).toMatchObject({
      heatmap: true,
      opacity: 1,
    });
    expect(acted(state, { type: 'opacity', opacity: -1 }).opacity).toBe(0.1);
  });
});
