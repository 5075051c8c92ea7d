/**
 * The one error class of Beltsight. `code` is stable and meant for programs, `message` names the
 * thing that failed and the remedy and is meant for people, `cause` keeps what was caught.
 */
export class BeltsightError extends Error {
  override readonly name = 'BeltsightError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}

/** Stable error codes: part of the public contract, never renamed, only added to. */
export type ErrorCode =
  | 'IMAGE_UNREADABLE'
  | 'IMAGE_TOO_LARGE'
  | 'DATASET_NOT_FOUND'
  | 'DATASET_EMPTY'
  | 'DATASET_INVALID'
  | 'BACKBONE_INVALID'
  | 'BACKBONE_UNREACHABLE'
  | 'KERNEL_UNSUPPORTED'
  | 'GRAPH_INVALID'
  | 'RUN_INVALID'
  | 'CHECKPOINT_INVALID'
  | 'BUNDLE_NOT_FOUND'
  | 'BUNDLE_INVALID'
  | 'BUNDLE_CORRUPT'
  | 'MODEL_INVALID'
  | 'CONFIG_INVALID'
  | 'RUNTIME_UNAVAILABLE'
  | 'PROVIDER_UNAVAILABLE'
  | 'INFERENCE_FAILED'
  | 'CAMERA_FAILED'
  | 'BROKER_UNREACHABLE'
  | 'MESSAGE_INVALID'
  | 'ARGUMENT_INVALID'
  | 'IO_FAILED'
  | 'OUTPUT_FAILED'
  | 'INBOX_REFUSED'
  | 'INBOX_UNREACHABLE'
  | 'KEY_INVALID'
  | 'RELEASE_INVALID'
  | 'RELEASE_UNSIGNED'
  | 'RELEASE_REFUSED'
  | 'UPDATE_REFUSED'
  | 'UPDATE_UNREACHABLE'
  | 'ROLLOUT_STOPPED'
  | 'COMMAND_REFUSED'
  | 'COMMAND_BUSY'
  | 'COMMAND_FAILED'
  | 'COMMAND_TIMEOUT'
  | 'SERVICE_UNREACHABLE'
  | 'SPOOL_IN_USE'
  | 'UPDATE_IN_USE';
