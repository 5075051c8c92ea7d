import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { encode } from 'fast-png';
import { zlibSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { BeltsightError } from '../errors.js';
import { decodeHeatmap, encodeHeatmap } from './codec.js';

const meta = { id: '0190f3a4-0000-7000-8000-000000000000', low: 0, high: 2, threshold: 1 };
const good = encodeHeatmap({ width: 64, height: 64, values: new Float32Array(4096).map((_, i) => i / 2048) }, meta);

function refusal(bytes: Uint8Array): BeltsightError {
  try {
    decodeHeatmap(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(BeltsightError);
    expect((error as BeltsightError).code).toBe('MESSAGE_INVALID');
    return error as BeltsightError;
  }
  throw new Error('It was taken.');
}

function chunk(type: string, content: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + content.length);
  bytes.writeUInt32BE(content.length);
  bytes.write(type, 4);
  bytes.set(content, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), bytes.length - 4);
  return bytes;
}

/** The good one with other sides and data, in chunks of a length. */
function withData(side: number, data: Uint8Array, length = data.length): Uint8Array {
  const bytes = Buffer.from(good);
  const header = Buffer.from(bytes.subarray(16, 29));
  header.writeUInt32BE(side);
  header.writeUInt32BE(side, 4);
  const pieces = Array.from({ length: Math.ceil(data.length / length) }, (_, i) =>
    chunk('IDAT', data.subarray(i * length, (i + 1) * length)),
  );
  // The data of the good one are its second chunk.
  const rest = bytes.subarray(33 + 12 + bytes.readUInt32BE(33));
  return Uint8Array.from(Buffer.concat([bytes.subarray(0, 8), chunk('IHDR', header), ...pieces, rest]));
}

describe('a hostile heatmap', () => {
  it('is refused wherever one byte is changed or it is cut', () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        refusal(good.map((byte, i) => (i === at ? byte ^ change : byte)));
        refusal(good.subarray(0, at));
      }),
    );
  });

  it('cannot unpack to more than its header says: neither by packed zeros', () => {
    const side = 1024;
    const bomb = encode({ width: side, height: side * 2, channels: 1, data: new Uint8Array(side * side * 2) });
    const view = new DataView(bomb.buffer, bomb.byteOffset);
    view.setUint32(16, 8);
    view.setUint32(20, 8);
    expect(refusal(bomb).message).toMatch(/more data than pixels/);
  });

  it('nor by zeros packed so well that they are no longer than the pixels: unpacking ends early', () => {
    const zeros = zlibSync(new Uint8Array(2 ** 24));
    expect(zeros.length).toBeLessThan(257 * 256);
    expect(refusal(withData(256, zeros)).message).toMatch(/more data than pixels/);
    // Whoever came so far would call it damaged.
    zeros.fill(0xff, zeros.length / 2);
    for (const length of [zeros.length, 100])
      expect(refusal(withData(256, zeros, length)).message).toMatch(/more data than pixels/);
  });

  it('nor to one byte more or less', () => {
    expect(refusal(withData(256, zlibSync(new Uint8Array(257 * 256 + 1)))).message).toMatch(/more data than pixels/);
    expect(refusal(withData(256, zlibSync(new Uint8Array(257 * 256 - 1)))).message).toMatch(/less data than pixels/);
    decodeHeatmap(withData(256, zlibSync(new Uint8Array(257 * 256)), 20));
  });

  it('nor by its length, a second header or another chunk', () => {
    expect(refusal(new Uint8Array(2 ** 19 + 1)).message).toMatch(/at most 524288/);
    const header = good.subarray(8, 33);
    const inserted = (chunk: Uint8Array) => Uint8Array.from([...good.subarray(0, 33), ...chunk, ...good.subarray(33)]);
    expect(refusal(inserted(header)).message).toMatch(/header/);
    const profile = header.map((byte, i) => ('iCCP'.charCodeAt(i - 4) || byte) & 0xff);
    expect(refusal(inserted(profile)).message).toMatch(/neither pixels nor text/);
  });

  it('is refused where it is another picture', () => {
    const data = new Uint8Array(48);
    expect(refusal(encode({ width: 4, height: 4, channels: 3, data })).message).toMatch(/grey/);
    expect(refusal(encode({ width: 4, height: 12, channels: 1, data })).message).toMatch(/number/);
    const text = { 'beltsight.id': 'x', 'beltsight.low': '1', 'beltsight.high': '1', 'beltsight.threshold': '' };
    expect(refusal(encode({ width: 4, height: 12, channels: 1, data, text })).message).toMatch(/range/);
  });
});

describe('encodeHeatmap', () => {
  it('shows a score that is no number as the highest: it must be seen', () => {
    const bytes = encodeHeatmap({ width: 1, height: 1, values: Float32Array.of(Number.NaN) }, meta);
    expect(decodeHeatmap(bytes).values[0]).toBe(2);
  });

  it('refuses what could not be read back', () => {
    const map = { width: 1, height: 1, values: new Float32Array(1) };
    expect(() => encodeHeatmap({ ...map, width: 2 }, meta)).toThrow(/2x1.* 1 value/);
    expect(() => encodeHeatmap(map, { ...meta, high: 0 })).toThrow(/0 to 0/);
  });
});
