import { z } from 'zod';
import { gpioLineSchema } from './gpio/schema.js';

const TOPIC = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^+#\0$][^+#\0]*$/, 'must be a topic without wildcards ("+", "#") that does not begin with "$"');

/** What a placeholder of a payload may name. */
export const PLACEHOLDERS = ['id', 'camera', 'verdict', 'class', 'at', 'lateMs', 'count'] as const;

const template = z
  .string()
  .max(4096)
  .refine(
    (text) => [...text.matchAll(/\{\{(.*?)\}\}/g)].every(([, name]) => PLACEHOLDERS.some((known) => known === name)),
    `placeholders are ${PLACEHOLDERS.map((name) => `{{${name}}}`).join(', ')}`,
  );

const countsPerSecond = z
  .number()
  .positive()
  .optional()
  .describe('Speed by which positions between two readings are reckoned; default: that between the last two readings.');
const reverse = z.boolean().default(false).describe('The count falls while the belt runs forward.');
const bits = z
  .union([z.literal(16), z.literal(32)])
  .nullable()
  .describe('Width of the counter, after which it begins again at 0; null: it never does.');

const encoderSchema = z.union([
  z.strictObject({
    topic: TOPIC.describe('MQTT topic whose payload is the count, as a number in text.'),
    bits: bits.default(32),
    countsPerSecond,
    reverse,
  }),
  z.strictObject({
    path: z
      .string()
      .startsWith('/')
      .describe("Count file of Linux's counter subsystem, such as /sys/bus/counter/devices/counter0/count0/count."),
    pollMs: z.int().min(1).max(1000).default(10).describe('How often it is read.'),
    bits: bits.default(32),
    countsPerSecond,
    reverse,
  }),
]);
export type EncoderConfig = z.infer<typeof encoderSchema>;

const votesNeeded = z.int().min(1).max(1000);

const productSchema = z
  .discriminatedUnion('by', [
    z.strictObject({
      by: z.literal('frame').describe('Each result is another product, or another piece of a web.'),
      bad: votesNeeded.default(1).describe('Rejected if it is bad and so many are, ...'),
      of: votesNeeded.default(1).describe('... of so many last ones, itself counted.'),
    }),
    z.strictObject({
      by: z.literal('count').describe('So many frames of the camera, one after the other, show one product.'),
      frames: z.int().min(2).max(1000),
      bad: votesNeeded.default(1).describe('Rejected as soon as so many of its frames are bad.'),
    }),
    z.strictObject({
      by: z.literal('gap').describe('Frames show one product until there is none for a while.'),
      gapMs: z.number().positive().max(60_000).describe('So long between two captures: another product.'),
      bad: votesNeeded.default(1).describe('Rejected as soon as so many of its frames are bad.'),
    }),
  ])
  .refine((product) => product.by !== 'frame' || product.bad <= product.of, '"bad" must not be larger than "of"')
  .refine(
    (product) => product.by !== 'count' || product.bad <= product.frames,
    '"bad" must not be larger than "frames"',
  );

const plcSchema = z.strictObject({
  topic: TOPIC.describe('Topic of a PLC or its gateway.'),
  payload: template.default('1').describe('What is sent; may hold placeholders such as {{id}}.'),
  qos: z
    .union([z.literal(0), z.literal(1)])
    .default(0)
    .describe(
      'With 1 the broker delivers it at least once to who has subscribed so; the device sends no signal again.',
    ),
  reset: z
    .strictObject({ payload: z.string().max(4096).default('0'), afterMs: z.int().min(1).max(60_000) })
    .optional()
    .describe('Sent so long after the last signal.'),
});

const signalSchema = z
  .strictObject({
    delayMs: z
      .number()
      .min(0)
      .max(3_600_000)
      .optional()
      .describe('From the capture of the frame to the ejector; without it and a distance: at once.'),
    distance: z
      .number()
      .positive()
      .max(2 ** 30)
      .optional()
      .describe('The same in counts of the encoder, instead of a time.'),
    encoder: encoderSchema.optional(),
    maxLateMs: z
      .number()
      .min(0)
      .max(60_000)
      .default(50)
      .describe('A signal that is later is not sent: it would hit another product.'),
    maxPending: z.int().min(1).max(100_000).default(1000).describe('Signals on their way to the ejector.'),
    plc: plcSchema.optional(),
    gpio: gpioLineSchema
      .extend({ pulseMs: z.int().min(1).max(60_000).default(100).describe('Length of the pulse.') })
      .optional(),
  })
  .refine(
    ({ delayMs, distance }) => delayMs === undefined || distance === undefined,
    'give "delayMs" or "distance", not both',
  )
  .refine(
    ({ distance, encoder }) => (distance === undefined) === (encoder === undefined),
    '"distance" and "encoder" go together',
  );
export type SignalConfig = z.infer<typeof signalSchema>;

const target = z
  .number()
  .gt(0)
  .lt(1)
  .nullable()
  .default(null)
  .describe('Share of products that is normal; null: the false-reject rate that the class was calibrated for.');
const clear = z
  .number()
  .min(0)
  .max(1)
  .default(0.5)
  .describe('Cleared when the figure is within so much of the way to the limit.');

const chartSchema = z.discriminatedUnion('chart', [
  z.strictObject({
    chart: z.literal('ewma').describe('Exponentially weighted moving average.'),
    target,
    lambda: z.number().gt(0).max(1).default(0.01).describe('Weight of the newest product.'),
    width: z.number().positive().max(20).default(4).describe('Limits, in standard deviations of the figure (L).'),
    clear,
  }),
  z.strictObject({
    chart: z.literal('cusum').describe('Cumulative sum of log likelihood ratios.'),
    target,
    shift: z
      .number()
      .gt(1)
      .max(1000)
      .default(2)
      .describe('The rate it is tuned to notice, in multiples of the target.'),
    limit: z.number().positive().max(1000).default(6).describe('Sum at which the alarm is raised.'),
    clear,
  }),
]);
export type ChartConfig = z.infer<typeof chartSchema>;

const alarmSchema = z.strictObject({
  rejects: chartSchema.optional().describe('Watches the share of known products that are rejected.'),
  unknown: chartSchema
    .refine(({ target }) => target !== null, 'needs a "target": no calibration says how many products are unknown')
    .optional()
    .describe('Watches the share of products that are unknown.'),
});
export type AlarmConfig = z.infer<typeof alarmSchema>;

/** `cameras[].outputs`: what the line is told of a camera's results besides themselves. docs/outputs.md */
export const outputsSchema = z.strictObject({
  unknown: z.enum(['reject', 'pass']).default('reject').describe('What an unknown product counts as.'),
  hysteresis: z
    .number()
    .min(0)
    .max(0.9)
    .default(0)
    .describe('A run of bad frames ends below so much less than the threshold, as a share of it.'),
  product: productSchema.prefault({ by: 'frame' }).describe('Which frames show one product, and when it is bad.'),
  signal: signalSchema.optional().describe('Reject signal, when the product is at the ejector.'),
  alarm: alarmSchema.prefault({}).describe('Alarm when a rate leaves its control limits.'),
});
export type OutputsConfig = z.infer<typeof outputsSchema>;

/** `heartbeat`: a sign of life for a PLC, which stops when inspection does. */
export const heartbeatSchema = z.strictObject({
  periodMs: z.int().min(20).max(60_000).default(1000).describe('How often it beats.'),
  cameras: z
    .enum(['all', 'any'])
    .default('all')
    .describe('It beats while all cameras inspect, or while at least one does.'),
  stuckMs: z.int().min(100).max(60_000).default(5000).describe('It stops when a frame has been in work for longer.'),
  topic: TOPIC.optional().describe('Default: `heartbeat` below the topics of the device.'),
  gpio: gpioLineSchema.optional().describe('A square wave besides: the line changes at every beat.'),
});
export type HeartbeatConfig = z.infer<typeof heartbeatSchema>;
