import { Unzlib } from 'fflate';

/** Larger pictures are refused before they are unpacked. */
const MAX_SIDE = 4096;
/** Longer messages are refused before they are unpacked. A smooth map of 1024x1024 takes a third of it. */
const MAX_BYTES = 2 ** 19;
/** Data are unpacked in slices of this length: deflate packs at most 1:1032, so one becomes 4 MiB at most. */
const SLICE_BYTES = 4096;

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const CHUNKS = ['IHDR', 'IDAT', 'tEXt', 'IEND'];
/** Depth 8, grey, deflate, adaptive filters, not interlaced. */
const GREY = [8, 0, 0, 0, 0];
const TOO_MUCH = 'has more data than pixels';

/**
 * Walks the chunks of a PNG: one header of 8-bit grey within limits, then only pixels and text, and data that unpack to just the pixels.
 * Returns what is wrong, or undefined.
 */
export function flawOf(bytes: Uint8Array): string | undefined {
  if (bytes.byteLength > MAX_BYTES) return `has ${bytes.byteLength} bytes, at most ${MAX_BYTES} are taken`;
  if (!SIGNATURE.every((byte, i) => bytes[i] === byte)) return 'is no PNG';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let last = '';
  const data: Uint8Array[] = [];
  for (let offset = 8; last !== 'IEND'; ) {
    if (offset + 12 > bytes.byteLength) return 'is cut short';
    const length = view.getUint32(offset);
    const type = String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
    if (offset + 12 + length > bytes.byteLength) return 'is cut short';
    if (!CHUNKS.includes(type)) return 'has a chunk that is neither pixels nor text';
    if ((type === 'IHDR') !== (last === '') || (type === 'IHDR' && length !== 13)) return 'has a misplaced header';
    if (type === 'IDAT') data.push(bytes.subarray(offset + 8, offset + 8 + length));
    last = type;
    offset += 12 + length;
  }
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE)
    return `claims ${width}x${height} pixels, at most ${MAX_SIDE} a side are taken`;
  if (!GREY.every((byte, i) => bytes[24 + i] === byte)) return 'is no 8-bit grey picture';
  return flawOfData(data, (width + 1) * height);
}

/** Unpacks data without keeping them, and stops where there are more than wanted: a decoder would allocate them all. */
function flawOfData(data: readonly Uint8Array[], wantedBytes: number): string | undefined {
  let unpackedBytes = 0;
  const inflator = new Unzlib((piece) => {
    unpackedBytes += piece.byteLength;
  });
  try {
    for (const chunk of data) {
      for (let at = 0; at < chunk.byteLength; at += SLICE_BYTES) {
        inflator.push(chunk.subarray(at, at + SLICE_BYTES));
        if (unpackedBytes > wantedBytes) return TOO_MUCH;
      }
    }
    inflator.push(new Uint8Array(), true);
  } catch {
    return 'has damaged data';
  }
  if (unpackedBytes > wantedBytes) return TOO_MUCH;
  return unpackedBytes < wantedBytes ? 'has less data than pixels' : undefined;
}
