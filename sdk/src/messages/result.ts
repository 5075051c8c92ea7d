import { z } from 'zod';

/** What the device decided about one frame. `unknown`: a product no class of the model resembles. */
export const verdictSchema = z.enum(['pass', 'reject', 'unknown']);
export type Verdict = z.infer<typeof verdictSchema>;

/** One inspected frame: `camera/<camera>/result`, QoS 1. Ids are UUIDv7, so duplicates can be dropped. */
export const resultSchema = z.object({
  schema: z.literal('beltsight.result/1'),
  id: z.uuidv7().describe('Unique id of this result; heatmap and frame of the same result carry it too.'),
  camera: z.string().describe('Name of the camera in the device configuration.'),
  frame: z.object({
    sequence: z.int().nonnegative().describe('Number of the frame since the camera was opened.'),
    capturedAt: z.iso.datetime().describe('When the frame was captured, by the clock of the device (UTC).'),
    source: z
      .string()
      .optional()
      .describe('Where the frame came from if that has a name: the file of a folder camera.'),
  }),
  verdict: verdictSchema,
  score: z
    .number()
    .describe(
      'Anomaly score: maximum of the smoothed anomaly map. Unit-free, comparable within one class only. 1.7976931348623157e308, the largest number, where the model gave none: such a frame does not pass.',
    ),
  threshold: z
    .number()
    .nullable()
    .describe('Score from which on a frame of this class is rejected; null when the verdict is unknown.'),
  pValue: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .describe(
      'Conformal p-value: share of good products that score at least as high, (1 + #{calibration >= score}) / (n + 1).',
    ),
  class: z.object({
    name: z.string().nullable().describe('Product class; null when the product is unknown.'),
    source: z
      .enum(['recognised', 'recipe'])
      .describe('Recognised from the embedding, or named by the configuration or SCADA.'),
    distance: z
      .number()
      .describe(
        'Cosine distance of the embedding to the centroid of the nearest (or named) class, 0..2; 2 where the embedding is not all numbers.',
      ),
  }),
  modelId: z.string(),
  latencyMs: z.number().nonnegative().describe('From capture to result.'),
  count: z
    .int()
    .positive()
    .optional()
    .describe(
      'Number of this inspection by its camera: it grows by one a result, jumps forward after a restart, and never runs backwards.',
    ),
});
export type ResultMessage = z.infer<typeof resultSchema>;
