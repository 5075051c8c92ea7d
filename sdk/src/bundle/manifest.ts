import { z } from 'zod';

const digestSchema = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 in lower-case hex');
/** A path inside the bundle: forward slashes, no way out of the folder. */
const pathSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/, 'a relative path inside the bundle');

/** One product class: how it is recognised and from which score on it is rejected. */
const classSchema = z.object({
  name: z.string().min(1).describe('"<class>", or "<data set>/<class>" where several data sets were trained together.'),
  centroid: z
    .array(z.number())
    .min(1)
    .describe('Mean of the L2-normalised embeddings of the held-out normals, L2-normalised.'),
  maxDistance: z.number().positive().describe('Cosine distance to the centroid beyond which a product is unknown.'),
  heldOutDistance: z
    .number()
    .min(0)
    .optional()
    .describe('Cosine distance to the centroid of the farthest held-out normal. Absent: of an earlier version.'),
  threshold: z.number().describe('Frames scoring at or above it are rejected.'),
  falseRejectRate: z.object({
    wanted: z.number().gt(0).lt(1).describe('What the operator asked for.'),
    attained: z.number().gt(0).lte(1).describe('What the calibration can promise: at least 1 / (n + 1).'),
  }),
  calibration: z.array(z.number()).min(1).describe('Scores of the held-out normals, ascending.'),
});
export type BundleClass = z.infer<typeof classSchema>;

/** A preprocessed image with the outputs it must give: the self-test of every device. */
const goldenSchema = z.object({
  image: pathSchema.describe('RGB PNG of the exact input size: the input is its pixels / 255.'),
  class: z.string(),
  score: z.number(),
  verdict: z.enum(['pass', 'reject', 'unknown']),
});

/** Arithmetic that a model is exported for. `int8` graphs say themselves where they are quantised. */
export const PRECISIONS = ['fp32', 'fp16', 'int8'] as const;
export type Precision = (typeof PRECISIONS)[number];

export const manifestSchema = z.object({
  schema: z.literal('beltsight.bundle/1'),
  modelId: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .describe('First 16 hex digits of the SHA-256 over graph and weights: the same model has the same id.'),
  name: z.string().min(1),
  createdAt: z.iso.datetime(),
  input: z.object({
    name: z.literal('image'),
    size: z.int().min(32).max(4096).describe('S of the input [N,3,S,S], RGB in 0..1.'),
    batch: z.int().positive(),
  }),
  precision: z
    .enum(PRECISIONS)
    .default('fp32')
    .describe('Arithmetic the graph is made for; int8: it holds QuantizeLinear and DequantizeLinear. Absent: fp32.'),
  embeddingSize: z.int().positive().describe('D of the output embedding [N,D].'),
  graph: pathSchema.describe('The ONNX graph; its weights are external data in the other blobs.'),
  classes: z.array(classSchema).min(1),
  golden: z.array(goldenSchema),
  tolerance: z
    .number()
    .positive()
    .describe('Largest allowed difference of a golden score, relative to max(1, |score|).'),
  files: z
    .record(pathSchema, z.object({ sha256: digestSchema, sizeBytes: z.int().nonnegative() }))
    .describe('Every file of the bundle but the manifest itself.'),
});
export type BundleManifest = z.infer<typeof manifestSchema>;

/** Name of the manifest in a bundle folder. */
export const MANIFEST = 'bundle.json';
