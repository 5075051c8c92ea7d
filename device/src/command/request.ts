import { BeltsightError, type CommandMessage, commandSchema } from '@beltsight/sdk';
import type { z } from 'zod';
import { jsonOf } from './json.js';
import { problemsOf } from './problems.js';

/** No request is longer. */
export const MAX_REQUEST_BYTES = 16 * 1024;

/** A request as it came: what is wrong with it, and its id where that can be read. */
export type Request<T> =
  | { readonly message: T }
  | { readonly problem: BeltsightError; readonly id: string | undefined };

/** Reads a request that anybody may have written. Never throws. */
export function readRequest<T extends CommandMessage>(
  payload: Uint8Array,
  schema: z.ZodType<T>,
  now: number,
): Request<T> {
  if (payload.length > MAX_REQUEST_BYTES) {
    const text = `The request has ${payload.length} bytes, more than ${MAX_REQUEST_BYTES}.`;
    return { problem: new BeltsightError('MESSAGE_INVALID', text), id: undefined };
  }
  const value = jsonOf(payload);
  if (value === undefined) {
    return { problem: new BeltsightError('MESSAGE_INVALID', 'The request is no JSON in UTF-8.'), id: undefined };
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const text = `The request is not as beltsight.command/1 wants it: ${problemsOf(parsed.error)}.`;
    return { problem: new BeltsightError('MESSAGE_INVALID', text), id: idOf(value) };
  }
  const { id, expiresAt } = parsed.data;
  const lateMs = expiresAt === undefined ? 0 : now - Date.parse(expiresAt);
  if (lateMs <= 0) return { message: parsed.data };
  const text = `The request expired ${Math.ceil(lateMs)} ms ago by the clock of the device: it is not carried out. Are the clocks right?`;
  return { problem: new BeltsightError('COMMAND_REFUSED', text), id };
}

/** The id of a request that is wrong otherwise. */
function idOf(value: unknown): string | undefined {
  const { success, data } = commandSchema.shape.id.safeParse((value as { id?: unknown } | null)?.id);
  return success ? data : undefined;
}
