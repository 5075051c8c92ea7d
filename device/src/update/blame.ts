/** Codes of errors that speak of what is in a bundle. */
export const OF_THE_MODEL: ReadonlySet<string> = new Set(['BUNDLE_INVALID', 'MODEL_INVALID', 'INFERENCE_FAILED']);

/** Codes of errors that speak of a disk that forgets. */
export const OF_THE_DISK: ReadonlySet<string> = new Set(['BUNDLE_NOT_FOUND', 'BUNDLE_CORRUPT']);

/** No execution provider runs the model: that can be the fault of the machine, and of the model. */
export const OF_EITHER = 'PROVIDER_UNAVAILABLE';
