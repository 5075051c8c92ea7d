import { z } from 'zod';

const collectionSchema = z.object({
  class: z.string().describe('Product class whose good images are saved.'),
  count: z.int().positive().describe('Images that shall be there in the end.'),
  kept: z.int().nonnegative().describe('Images that are there.'),
  skipped: z.int().nonnegative().describe('Images left out as near-duplicates or blurred.'),
  state: z.enum(['running', 'done', 'stopped', 'failed']),
  error: z.string().optional().describe('What is wrong and what to do, when the state is failed.'),
});
export type CollectionStatus = z.infer<typeof collectionSchema>;

const cameraStatusSchema = z.object({
  name: z.string(),
  state: z.enum(['starting', 'running', 'failed', 'ended']),
  error: z.string().optional().describe('What is wrong and what to do, when the state is failed.'),
  frames: z.int().nonnegative().describe('Frames captured since the service started.'),
  dropped: z.int().nonnegative().describe('Frames dropped because a newer one arrived before the scorer was free.'),
  untriggered: z
    .int()
    .nonnegative()
    .optional()
    .describe('Frames that no trigger asked for, where only triggers have frames inspected.'),
  failures: z.int().nonnegative().optional().describe('Times the camera failed since the service started.'),
  inspected: z.int().nonnegative().describe('Results published.'),
  rateHz: z.number().nonnegative().describe('Results per second over the last interval.'),
  class: z
    .string()
    .nullable()
    .optional()
    .describe('Product class that configuration or recipe name; null: it is recognised.'),
  paused: z.boolean().optional().describe('Whether frames are taken but not inspected, because a command said so.'),
  collection: collectionSchema.optional().describe('The last collection of good images that a command began.'),
  totals: z
    .object({
      since: z.iso.datetime().describe('When counting began.'),
      pass: z.int().nonnegative(),
      reject: z.int().nonnegative(),
      unknown: z.int().nonnegative(),
    })
    .optional()
    .describe('Results by verdict over all restarts; after a kill or power cut the last few hundred may be missing.'),
  signals: z
    .object({
      sent: z.int().nonnegative(),
      lost: z.int().nonnegative().describe('Reject signals that could not be given in time.'),
      pending: z.int().nonnegative().describe('On their way to the ejector.'),
    })
    .optional()
    .describe('Reject signals since the service started, where they are configured.'),
});

const count = z.int().nonnegative();
const figure = z.number().nonnegative();

const metricsStatusSchema = z.object({
  stages: z
    .record(z.string(), z.object({ count, p50Ms: figure, p99Ms: figure }))
    .describe(
      'Milliseconds of each stage over the last five to ten minutes: preprocess, model, decide, capture_to_result, publish.',
    ),
  scores: z
    .record(z.string(), z.object({ count, p50: figure, p99: figure }))
    .describe('Score divided by threshold of each product class over the same time: from 1 on a product is rejected.'),
  results: z.object({ pass: count, reject: count, unknown: count }).describe('Results since the service started.'),
  dropped: z
    .record(z.string(), count)
    .describe(
      'Lost since the service started, by cause. Frames: overtaken by a newer one, paused, untriggered. Messages: picture or result without room to wait, tooLarge for the broker.',
    ),
  waiting: count.describe('Messages that wait for the broker.'),
  reconnects: count.describe('Times the connection to the broker was lost and made again.'),
  temperatures: z.record(z.string(), z.number()).describe('Degrees Celsius of the thermal zones of the kernel.'),
  processor: figure.describe('Processor time of the process, in cores: 1 is all of one.'),
  memoryBytes: count.describe('Resident memory of the process.'),
  eventLoopP99Ms: figure.describe('Milliseconds by which the event loop is late, exceeded in 1 % of looks.'),
  problem: z.string().optional().describe('Why Prometheus cannot scrape the device, and what to do.'),
});

const spoolStatusSchema = z.object({
  messages: count.describe('Messages that wait for the broker or for its acknowledgement.'),
  bytes: count.describe('Bytes that they take.'),
  oldestAt: z.iso.datetime().optional().describe('When the oldest of them was made.'),
  dropped: z
    .object({
      picture: count.describe('Heatmaps and frames given up for want of room.'),
      result: count.describe('Results given up for want of room.'),
      expired: count.describe('Waited longer than the configuration or the message itself allows.'),
      damaged: count.describe('Not readable from disk any more.'),
      tooLarge: count.describe('Larger than the broker takes.'),
      refused: count.describe('Refused by the broker.'),
    })
    .describe('Messages lost since the service started, by cause.'),
  fault: z.string().optional().describe('Why the spool cannot be written to disk: what waits is in memory only.'),
});

const feedbackStatusSchema = z.object({
  kept: count.describe('Frames of products that did not pass, which can be marked as false alarms.'),
  skipped: count.describe('Such frames that were not kept since the service started: too many at once, or no disk.'),
  waiting: count.describe('Frames marked as false alarms that are on the device.'),
  fault: z.string().optional().describe('Why frames cannot be kept, or sent to the inbox.'),
});
export type FeedbackStatus = z.infer<typeof feedbackStatusSchema>;

/** State of a device: `status`, retained, QoS 1; the last will is the same message with state `offline`. */
export const statusSchema = z.object({
  schema: z.literal('beltsight.status/1'),
  state: z.enum(['starting', 'online', 'degraded', 'stopping', 'offline']),
  at: z.iso.datetime().describe('When the status was made; for a last will: when the connection was opened.'),
  device: z.object({ site: z.string(), line: z.string(), device: z.string() }),
  software: z.object({ name: z.string(), version: z.string() }).optional(),
  model: z.object({ id: z.string(), classes: z.array(z.string()) }).optional(),
  provider: z.string().optional().describe('ONNX Runtime execution provider in use: tensorrt, cuda, webgpu or cpu.'),
  rejectedProviders: z
    .array(z.object({ provider: z.string(), reason: z.string() }))
    .optional()
    .describe('Providers that the configuration prefers, and why they are not in use.'),
  cameras: z.array(cameraStatusSchema).optional(),
  metrics: metricsStatusSchema.optional().describe('How the device does; the same figures are there for Prometheus.'),
  spool: spoolStatusSchema.optional().describe('What waits for the broker, and what was lost.'),
  feedback: feedbackStatusSchema.optional().describe('Frames that people can mark, or have marked, as false alarms.'),
});
export type StatusMessage = z.infer<typeof statusSchema>;
export type CameraStatus = z.infer<typeof cameraStatusSchema>;
