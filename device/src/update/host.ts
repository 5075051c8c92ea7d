/** A model that was opened beside the one in use: its engine is built, and its golden samples score as they should. */
export interface Candidate {
  readonly modelId: string;
  /** Puts it in use from the next frame on; the one before is closed when its last frame is done. */
  use(): Promise<void>;
  close(): Promise<void>;
}

/** Whoever inspects with a model, and goes on with the old one until it is told. */
export interface ModelHost {
  /** Of the model in use. */
  readonly modelId: string;
  /** The largest share of good products that its thresholds let be rejected. */
  readonly falseRejectRate: number;
  /**
   * Opens another one beside it.
   * @throws BeltsightError if the bundle is not sound, does not compute what its trainer computed, or lacks what the cameras need
   */
  candidate(bundle: string, signal: AbortSignal): Promise<Candidate>;
}
