/** How training steps are computed. `compiled`: as one ONNX graph; `native`: operation by operation by TensorFlow. */
export const ENGINES = ['compiled', 'native'] as const;
export type Engine = (typeof ENGINES)[number];

/** One training batch: pixels as 8-bit RGB, [B,S,S,3] row-major. */
export interface Batch {
  readonly images: Uint8Array;
  /** The augmented view of the same images; undefined where the loss needs none. */
  readonly augmented: Uint8Array | undefined;
  /** Class of each image, [B]. */
  readonly labels: Int32Array;
  /** For each image the index of one of another class in the batch, [B]; only the `code` variant of the local loss. */
  readonly negatives?: Int32Array;
}

/** Loss terms of one step, before its update, and the global gradient norm before clipping. */
export interface Losses {
  readonly total: number;
  readonly kd: number;
  readonly local: number;
  readonly global: number;
  readonly gradientNorm: number;
}

/** All that a checkpoint holds: parameters, BatchNorm statistics and Adam moments by stable name. */
export interface TrainingState {
  /** Steps taken so far. */
  readonly step: number;
  readonly tensors: ReadonlyMap<string, Float32Array>;
}

/** Runs training steps. Implementations differ in where they compute, not in what. */
export interface TrainingEngine {
  /** What computes, for people: printed when training starts. */
  readonly description: string;
  /** One optimiser step. */
  step(batch: Batch): Promise<Losses>;
  /** Distillation loss of each of `count` images [count,S,S,3], with running statistics. */
  validate(images: Uint8Array, count: number): Promise<Float32Array>;
  /** A copy of the state. */
  state(): TrainingState;
  /**
   * Continues from `state`.
   * @throws BeltsightError CHECKPOINT_INVALID if a tensor is missing or has another size
   */
  restore(state: TrainingState): void;
  close(): Promise<void>;
}
