const KEY = 'beltsight.id=';
const ID = /^[A-Za-z0-9-]{1,64}$/;

/** JPEG markers: start of image, comment, start of scan. */
const SOI = 0xd8;
const COM = 0xfe;
const SOS = 0xda;
/** Comments are looked for in the first bytes only. */
const SEARCH_BYTES = 2 ** 17;

/**
 * The JPEG with a comment segment `beltsight.id=<uuid>` right behind its start: names the result a frame belongs to, also on
 * MQTT 3.1.1, and every viewer ignores it. Bytes that are no JPEG come back as they are.
 */
export function tagJpeg(jpeg: Uint8Array, id: string): Uint8Array {
  if (jpeg[0] !== 0xff || jpeg[1] !== SOI) return jpeg;
  const comment = new TextEncoder().encode(KEY + id);
  const length = comment.length + 2;
  const tagged = new Uint8Array(jpeg.length + length + 2);
  tagged.set(jpeg.subarray(0, 2));
  tagged.set([0xff, COM, length >> 8, length & 0xff], 2);
  tagged.set(comment, 6);
  tagged.set(jpeg.subarray(2), 6 + comment.length);
  return tagged;
}

/** Id of the result that a frame belongs to; undefined where it carries none, whatever the bytes are. */
export function jpegId(jpeg: Uint8Array): string | undefined {
  if (jpeg[0] !== 0xff || jpeg[1] !== SOI) return undefined;
  const end = Math.min(jpeg.length, SEARCH_BYTES);
  for (let offset = 2; offset + 4 <= end; ) {
    const [fill, marker, high, low] = jpeg.subarray(offset, offset + 4) as unknown as [number, number, number, number];
    const length = high * 256 + low;
    if (fill !== 0xff || marker === SOS || length < 2 || offset + 2 + length > jpeg.length) return undefined;
    if (marker === COM) {
      const text = String.fromCharCode(...jpeg.subarray(offset + 4, Math.min(offset + 2 + length, offset + 104)));
      const id = text.slice(KEY.length);
      if (text.startsWith(KEY) && ID.test(id)) return id;
    }
    offset += 2 + length;
  }
  return undefined;
}
