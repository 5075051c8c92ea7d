import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { jpegId, tagJpeg } from './frame.js';

const id = '019aa9c4-7f3e-7c1d-8a52-3b1f6d0c9e77';
const jpeg = () =>
  sharp({ create: { width: 20, height: 10, channels: 3, background: 'red' } })
    .jpeg()
    .toBuffer();

describe('tagged JPEG frames', () => {
  it('carry the id of their result and stay the same picture', async () => {
    const plain = await jpeg();
    const tagged = tagJpeg(plain, id);
    expect(jpegId(tagged)).toBe(id);
    expect(jpegId(plain)).toBeUndefined();
    const [before, after] = await Promise.all([plain, tagged].map((bytes) => sharp(bytes).raw().toBuffer()));
    expect(after?.equals(before as Buffer)).toBe(true);
  });

  it('leave bytes alone that are no JPEG', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    expect(tagJpeg(bytes, id)).toBe(bytes);
  });

  it('are read without trust in the bytes', async () => {
    const tagged = tagJpeg(await jpeg(), id);
    const start = fc.integer({ min: 0, max: tagged.length });
    fc.assert(fc.property(start, (length) => [id, undefined].includes(jpegId(tagged.subarray(0, length)))));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(jpegId(Uint8Array.of(0xff, 0xd8, 0xff, 0xfe, ...noise))).toBeUndefined();
      }),
    );
    expect(jpegId(tagJpeg(Uint8Array.of(0xff, 0xd8), '<script>'))).toBeUndefined();
  });
});
