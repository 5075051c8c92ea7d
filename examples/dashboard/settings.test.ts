import { describe, expect, it } from 'vitest';
import { readSettings } from './settings.js';

const place = { protocol: 'http:', hostname: 'wall' };
const read = (search: string, file: unknown = {}, where = place) => readSettings(search, file, where);

describe('settings', () => {
  it('come from the address, then from the file, then from the defaults', () => {
    const { settings, problems } = read('?site=a&stale=2.5', { site: 'b', line: 'l', results: 100 });
    expect(settings).toMatchObject({ site: 'a', line: 'l', stale: 2.5, results: 100, rejects: 24, keys: 'on' });
    expect(problems).toEqual([]);
  });

  it('look for the broker where the page comes from', () => {
    expect(read('').settings.broker).toBe('ws://wall:9001');
    expect(read('', undefined, { protocol: 'https:', hostname: 'wall' }).settings.broker).toBe('wss://wall:9001');
    expect(read('?broker=ws://b:1/mqtt').settings.broker).toBe('ws://b:1/mqtt');
  });

  it('name what cannot be used and go on without it', () => {
    const { settings, problems } = read('?results=0&site=a/b&colour=red&stale=soon', { theme: 'pink' });
    expect(settings).toEqual({ broker: 'ws://wall:9001', results: 500, rejects: 24, stale: 5, hold: 0.8, keys: 'on' });
    expect(problems).toHaveLength(5);
    expect(problems.join('\n')).toMatch(
      /settings\.json, theme: dark or light[\s\S]*results: at least 10[\s\S]*colour: there is no such/,
    );
    expect(read('', [1]).problems).toEqual(['settings.json is no object.']);
  });

  it('take no password and no other scheme in the address of the broker', () => {
    for (const broker of ['ws://user:secret@b', 'http://b', 'javascript:1', 'ws://b?token=x']) {
      const { settings, problems } = read(`?broker=${encodeURIComponent(broker)}`);
      expect(settings.broker).toBe('ws://wall:9001');
      expect(problems).toHaveLength(1);
    }
  });
});
