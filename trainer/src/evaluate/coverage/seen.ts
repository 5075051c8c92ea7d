/** Test images of one class, as the model saw them. */
export interface SeenClass {
  readonly name: string;
  readonly images: readonly SeenImage[];
}

export interface SeenImage {
  /** Kind of defect; undefined for a good product. */
  readonly defect?: string;
  readonly score: number;
  /** [D] */
  readonly embedding: ArrayLike<number>;
}
