import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePiece, encodePiece } from './piece.js';

describe('a piece of a repository', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(), (bytes, sizeBytes) => {
        const piece = { id: 'a-1', status: 'ok', sizeBytes, bytes } as const;
        expect(decodePiece(encodePiece(piece))).toEqual(piece);
      }),
    );
  });

  it('is told from any other payload, also inside of a larger buffer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (payload) => {
        expect(() => decodePiece(payload)).toThrow('no piece');
      }),
    );
    const payload = encodePiece({ id: 'x', status: 'absent', sizeBytes: 0, bytes: new Uint8Array() });
    const larger = new Uint8Array(payload.length + 20);
    larger.set(payload, 7);
    expect(decodePiece(larger.subarray(7, 7 + payload.length))).toMatchObject({ id: 'x', status: 'absent' });
    for (let i = 0; i < payload.length; i++) expect(() => decodePiece(payload.subarray(0, i))).toThrow('no piece');
  });
});
