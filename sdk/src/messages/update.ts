import { z } from 'zod';

/** Target path of a release in a repository. */
export const releaseTarget = z
  .string()
  .max(256)
  .regex(/^releases(\/[A-Za-z0-9_][A-Za-z0-9_.-]*)+\.json$/, 'a target path such as releases/_/bottles-3.json');
const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day, such as 22:00');

/** Time of day in which a device may switch. */
export const windowSchema = z
  .strictObject({ from: clock, to: clock })
  .describe(
    'Time of day, by the local clock of the device, in which it may switch; over midnight where to is before from.',
  );

/** What a device shall run: `update/desired`, retained, QoS 1. What it names must still be signed: this message only chooses. */
export const desiredSchema = z.strictObject({
  schema: z.literal('beltsight.desired/1'),
  release: releaseTarget.nullable().describe('Target path of a release; null: what the configured channel says.'),
  window: windowSchema.optional(),
  fetchOnly: z
    .boolean()
    .optional()
    .describe('true: fetch it, and do not switch before a message without this says so.'),
  rollout: z
    .strictObject({ id: z.string().min(1).max(64), wave: z.int().min(0).max(1000) })
    .optional()
    .describe('Which rollout this belongs to; comes back in the state.'),
  retry: z.int().nonnegative().default(0).describe('A higher number than before: try a version that has failed again.'),
});
export type DesiredMessage = z.infer<typeof desiredSchema>;

const UPDATE_STATES = [
  'idle',
  'checking',
  'waiting',
  'downloading',
  'staging',
  'testing',
  'probation',
  'failed',
  'held',
] as const;

/** How an update stands: `update/state`, retained, QoS 1, at every change. */
export const updateStateSchema = z.object({
  schema: z.literal('beltsight.update/1'),
  at: z.iso.datetime(),
  state: z
    .enum(UPDATE_STATES)
    .describe(
      'idle: what is desired runs. waiting: for the time window. testing: engine and golden samples, while the old model inspects. failed: the desired release was tried and is not tried again. held: a person forbids updates.',
    ),
  running: z.object({
    release: releaseTarget.nullable().describe('null: the bundle the device was installed with.'),
    modelId: z.string(),
  }),
  desired: releaseTarget.nullable(),
  progress: z
    .object({ bytes: z.int().nonnegative(), totalBytes: z.int().nonnegative() })
    .optional()
    .describe('Of a download; bytes that were there already are not counted.'),
  reason: z.string().optional().describe('Why it is so: what failed and what to do.'),
  failed: z
    .array(z.object({ release: releaseTarget, at: z.iso.datetime(), reason: z.string() }))
    .describe('Releases that are not tried again.'),
  rollout: z.object({ id: z.string(), wave: z.int() }).optional(),
});
export type UpdateStateMessage = z.infer<typeof updateStateSchema>;
export type UpdateState = (typeof UPDATE_STATES)[number];

/** A piece of a repository, asked for over MQTT: `update/fetch`, QoS 1, not retained. */
export const fetchSchema = z.strictObject({
  schema: z.literal('beltsight.fetch/1'),
  id: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
  path: z
    .string()
    .max(512)
    .regex(/^(metadata|targets|blobs)\/[A-Za-z0-9_.~/-]+$/),
  offset: z.int().nonnegative(),
  length: z
    .int()
    .min(1)
    .max(2 ** 20),
});
export type FetchMessage = z.infer<typeof fetchSchema>;
