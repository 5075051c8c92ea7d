import { BeltsightError, type ErrorCode } from '@beltsight/sdk';
import type { AugmentConfig } from '../augment.js';

/** What a thread is started with. */
export interface ThreadSetup {
  /** Side of the square images. */
  readonly size: number;
  /** Int32: not 0 once what is left to do is no longer wanted. */
  readonly closing: SharedArrayBuffer;
}

/** An image of an order: its file, and the keys of the random numbers of its second view. */
export interface Wanted {
  readonly file: string;
  readonly keys?: readonly number[];
}

/** An image, with the memory that all threads keep it in, where it is kept. */
export interface WantedKept extends Wanted {
  readonly kept?: SharedArrayBuffer | undefined;
}

/** Messages to a thread: what to prepare, and that it should end. */
export type ToThread =
  | {
      readonly type: 'prepare';
      readonly id: number;
      readonly images: readonly WantedKept[];
      readonly augmentation: AugmentConfig | undefined;
    }
  | { readonly type: 'close' };

/** 8-bit RGB of several images, [count,S,S,3], and of their second views, where they were asked for. */
export interface Prepared {
  readonly images: Uint8Array<ArrayBuffer>;
  readonly augmented: Uint8Array<ArrayBuffer> | undefined;
}

/** Answers of a thread. */
export type FromThread =
  | { readonly type: 'prepared'; readonly id: number; readonly prepared: Prepared }
  | { readonly type: 'failed'; readonly id: number; readonly error: ErrorRecord };

/** What crosses between threads of an error: its class would not. */
interface ErrorRecord {
  readonly code: ErrorCode | undefined;
  readonly message: string;
}

export function recordOf(error: unknown): ErrorRecord {
  if (error instanceof BeltsightError) return { code: error.code, message: error.message };
  return { code: undefined, message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

export function errorOf({ code, message }: ErrorRecord): Error {
  return code === undefined ? new Error(message) : new BeltsightError(code, message);
}
