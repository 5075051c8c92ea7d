import { z } from 'zod';
import { BeltsightError } from '../errors.js';

const headerSchema = z.object({
  id: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
  status: z.enum(['ok', 'absent', 'busy']).describe('absent: there is no such file; busy: ask again later.'),
  sizeBytes: z.int().nonnegative().describe('Of the whole file.'),
});

/** A piece of a file of a repository, the answer to a fetch: `update/piece`. */
export interface Piece extends z.infer<typeof headerSchema> {
  readonly bytes: Uint8Array;
}

/** Four bytes of length (big-endian), a JSON header of that length, and the bytes. */
export function encodePiece({ bytes, ...header }: Piece): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const payload = new Uint8Array(4 + text.length + bytes.length);
  new DataView(payload.buffer).setUint32(0, text.length);
  payload.set(text, 4);
  payload.set(bytes, 4 + text.length);
  return payload;
}

/** @throws BeltsightError MESSAGE_INVALID for anything that is no piece */
export function decodePiece(payload: Uint8Array): Piece {
  try {
    const length = new DataView(payload.buffer, payload.byteOffset, payload.byteLength).getUint32(0);
    if (length > 1024) throw new Error('its header is too long');
    const header = headerSchema.parse(JSON.parse(new TextDecoder().decode(payload.subarray(4, 4 + length))));
    return { ...header, bytes: payload.subarray(4 + length) };
  } catch (cause) {
    throw new BeltsightError(
      'MESSAGE_INVALID',
      `The payload is no piece of a repository: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}
