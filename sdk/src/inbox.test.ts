import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asciiJson, inboxPath, inboxPlace, isClassName } from './inbox.js';

describe('inbox places', () => {
  it('come back from their paths', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }).filter(isClassName), (className) => {
        const place = { className, file: '2026-11-25T04-01-27.348Z.png' };
        expect(inboxPlace(inboxPath(place))).toEqual(place);
      }),
    );
  });

  it.each([
    '/beltsight/1/good/bottle',
    '/beltsight/1/good/bottle/a/b.png',
    '/beltsight/1/good/../b.png',
    '/beltsight/1/good/%2e%2e/b.png',
    '/beltsight/1/good/a%2Fb/c.png',
    '/beltsight/1/good/bottle/..%2f..%2fx.png',
    '/beltsight/1/good/bottle/.png',
    '/beltsight/1/good/bottle/x.exe',
    '/beltsight/1/good/%zz/x.png',
    '/other/bottle/x.png',
  ])('%s is none', (path) => expect(inboxPlace(path)).toBeUndefined());
});

it('asciiJson keeps what it says', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(asciiJson(text)).toMatch(/^[ -~]*$/);
      expect(JSON.parse(asciiJson(text))).toBe(text);
    }),
  );
});
