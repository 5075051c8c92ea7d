import type { Control, ControlValue } from '../controls/control.js';
import type { ErrorRecord } from '../errors.js';
import type { Capabilities } from '../query/capabilities.js';
import type { StreamFormat } from './geometry.js';

/** What can be asked of the capture thread between two frames. */
export interface ThreadCalls {
  controls(): Control[];
  getControl(name: string): ControlValue;
  setControl(name: string, value: ControlValue): void;
}
export type ThreadCall = keyof ThreadCalls;

/** Messages to the capture thread. */
export type ToThread =
  | { readonly type: 'close' }
  | { readonly type: 'call'; readonly id: number; readonly method: ThreadCall; readonly args: readonly unknown[] };

/** Messages from the capture thread. It ends after `failed`. */
export type FromThread =
  | { readonly type: 'opened'; readonly opened: Opened }
  | { readonly type: 'frame' }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'refusal'; readonly id: number; readonly error: ErrorRecord }
  | { readonly type: 'failed'; readonly error: ErrorRecord };

/** A stream that runs. */
export interface Opened {
  readonly path: string;
  readonly capabilities: Capabilities;
  readonly format: StreamFormat;
  readonly frames: SharedArrayBuffer;
}
