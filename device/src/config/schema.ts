import { join } from 'node:path';
import { PIXEL_FORMATS } from '@beltsight/sdk/preprocess';
import { z } from 'zod';
import { collectSchema, commandsSchema, triggerSchema } from '../command/schema.js';
import { dashboardSchema } from '../dashboard/schema.js';
import { feedbackSchema } from '../feedback/schema.js';
import { metricsSchema } from '../metrics/schema.js';
import { heartbeatSchema, outputsSchema } from '../output/schema.js';
import { brokerSchema } from '../publish/broker-schema.js';
import { runtimeSchema } from '../score/providers/schema.js';
import { sparkplugSchema } from '../sparkplug/schema.js';
import { spoolSchema } from '../spool/schema.js';
import { updateSchema } from '../update/schema.js';

const level = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/,
    'use 1 to 64 letters, digits, ".", "_" or "-", starting with a letter or digit',
  );

const folderSourceSchema = z.strictObject({
  type: z.literal('folder').describe('Replays the images of a folder and its sub-folders.'),
  path: z.string().min(1).describe('The folder; relative to the configuration file.'),
  rateHz: z
    .number()
    .positive()
    .max(1000)
    .nullable()
    .default(null)
    .describe('Frames a second, ready or not, as a camera; null: as fast as they are inspected, none dropped.'),
  loop: z.boolean().default(false).describe('Begin again after the last image.'),
  shuffle: z.boolean().default(false).describe('In random order instead of by name.'),
  seed: z.int().min(0).max(0x7fffffff).default(0).describe('Decides the random order.'),
});
export type FolderSource = z.infer<typeof folderSourceSchema>;

const testSourceSchema = z.strictObject({
  type: z.literal('test').describe('Colour bars with a wandering white bar.'),
  width: z.int().min(8).max(8192).default(640),
  height: z.int().min(8).max(8192).default(480),
  rateHz: z.number().positive().max(1000).default(10).describe('Frames a second.'),
});
export type TestSource = z.infer<typeof testSourceSchema>;

const stallSeconds = z
  .number()
  .min(1)
  .max(3600)
  .default(10)
  .describe('Without a frame for so long, the program is ended and started again.');
const program = z
  .enum(['auto', 'gstreamer', 'ffmpeg'])
  .default('auto')
  .describe('Which program reads it; `auto`: GStreamer where it is installed, or ffmpeg.');

const gstreamerSourceSchema = z.strictObject({
  type: z.literal('gstreamer').describe('Any GStreamer pipeline.'),
  pipeline: z
    .string()
    .min(1)
    .describe('Elements from the source on, as for gst-launch-1.0; conversion and sink are added.'),
  stallSeconds,
});

const csiSourceSchema = z.strictObject({
  type: z.literal('csi').describe('A CSI sensor of a Jetson, through its image signal processor.'),
  sensor: z.int().min(0).max(15).default(0).describe('Number of the sensor.'),
  width: z.int().min(16).max(8192).multipleOf(2).default(1920),
  height: z.int().min(16).max(8192).multipleOf(2).default(1080),
  rateHz: z.int().min(1).max(240).default(30).describe('Frames a second.'),
  element: z.string().min(1).default('nvarguscamerasrc').describe('Source element; others take the same properties.'),
  stallSeconds,
});

const rtspSourceSchema = z.strictObject({
  type: z.literal('rtsp').describe('A network camera.'),
  url: z.string().regex(/^rtsps?:\/\/\S+$/, 'must look like rtsp://host:554/stream'),
  latencyMs: z.int().min(0).max(10_000).default(100).describe('Buffer against jitter of the network (GStreamer).'),
  transport: z.enum(['tcp', 'udp']).default('tcp'),
  program,
  stallSeconds,
});

const videoSourceSchema = z.strictObject({
  type: z.literal('video').describe('A video file, every frame, as fast as they are inspected.'),
  path: z.string().min(1).describe('The file; relative to the configuration file.'),
  loop: z.boolean().default(false).describe('Begin again at the end.'),
  program,
  stallSeconds,
});

const v4l2SourceSchema = z
  .strictObject({
    type: z.literal('v4l2').describe('A camera of Video4Linux2: USB cameras, capture cards.'),
    device: z
      .string()
      .min(1)
      .default('/dev/video0')
      .describe('Path, or the id that `camera list` gives: it stays the same when the camera is plugged in anew.'),
    format: z
      .enum([...PIXEL_FORMATS, 'MJPG'])
      .optional()
      .describe('Pixel format; default: what the camera is set to.'),
    width: z
      .int()
      .min(16)
      .max(16_384)
      .optional()
      .describe('Default: what the camera is set to; with height or not at all.'),
    height: z.int().min(16).max(16_384).optional(),
    rateHz: z
      .number()
      .positive()
      .max(1000)
      .optional()
      .describe('Frames a second; the camera takes the nearest it has.'),
    controls: z
      .record(z.string(), z.union([z.number(), z.boolean(), z.string()]))
      .default({})
      .describe('Controls by name, set before the first frame in this order; `camera show` lists them.'),
    stallSeconds: z.number().min(1).max(3600).default(10).describe('Without a frame for so long, it is opened again.'),
  })
  .refine(({ width, height }) => (width === undefined) === (height === undefined), 'width and height go together');
export type V4l2Source = z.infer<typeof v4l2SourceSchema>;

const sourceSchema = z.discriminatedUnion('type', [
  v4l2SourceSchema,
  folderSourceSchema,
  testSourceSchema,
  gstreamerSourceSchema,
  csiSourceSchema,
  rtspSourceSchema,
  videoSourceSchema,
]);
export type CameraSource = z.infer<typeof sourceSchema>;

const share = z.number().min(0).max(1).nullable();

const regionSchema = z.strictObject({
  x: z.int().min(0).describe('Left edge in pixels of the frame.'),
  y: z.int().min(0).describe('Upper edge.'),
  width: z.int().min(1),
  height: z.int().min(1),
});

const watchSchema = z.strictObject({
  frozenFrames: z
    .int()
    .min(2)
    .nullable()
    .default(100)
    .describe('So many frames in a row that are equal to the byte: the camera hangs and is opened again.'),
  darkest: share
    .default(0.01)
    .describe('Mean brightness, 0 to 1, at or below which frames are black, and not inspected.'),
  brightest: share.default(0.99).describe('Mean brightness at or above which they are saturated, and not inspected.'),
});

const cameraSchema = z.strictObject({
  name: level.describe('Names the camera in topics and results.'),
  source: sourceSchema.describe('Where frames come from.'),
  roi: regionSchema.optional().describe('The part of a frame that is looked at; default: all of it.'),
  rotate: z
    .union([z.literal(0), z.literal(90), z.literal(180), z.literal(270)])
    .default(0)
    .describe('Degrees clockwise by which that part is turned.'),
  mirror: z.boolean().default(false).describe('Exchange left and right, after turning.'),
  every: z.int().min(1).max(100_000).default(1).describe('Look at every n-th frame.'),
  maxRateHz: z.number().positive().max(1000).nullable().default(null).describe('Look at no more frames a second.'),
  watch: watchSchema
    .prefault({})
    .describe('What a live camera (gstreamer, csi, rtsp) may not show; files and test pattern are not watched.'),
  class: z
    .string()
    .optional()
    .describe('Product class on this belt, where it is always the same; default: the model recognises it.'),
  trigger: triggerSchema
    .default('free')
    .describe('`software`: frames are inspected only when the command `trigger` asks for one.'),
  heatmaps: z.enum(['none', 'rejects', 'all']).default('rejects').describe('Which results come with a heatmap.'),
  frames: z.boolean().default(false).describe('Publish a JPEG of every inspected frame.'),
  outputs: outputsSchema.optional().describe('Reject signals and alarms; see docs/outputs.md.'),
  resultExpirySeconds: z
    .int()
    .min(1)
    .max(0xffff_ffff)
    .nullable()
    .default(null)
    .describe(
      'Nobody wants results that are older: spool and, under MQTT 5, the broker give them up; null: keep them.',
    ),
});
export type CameraConfig = z.infer<typeof cameraSchema>;

/** Sources that lose frames and do not say so. */
const UNNUMBERED: ReadonlySet<CameraSource['type']> = new Set(['gstreamer', 'csi', 'rtsp']);

/** Products are told apart by frame numbers only where those are the camera's. */
const cameraWithNumbersSchema = cameraSchema.refine(
  ({ source, trigger, outputs }) =>
    outputs?.product.by !== 'count' || (trigger === 'free' && !UNNUMBERED.has(source.type)),
  {
    path: ['outputs', 'product', 'by'],
    error:
      '"count" needs frames that follow each other, with numbers by the camera: gstreamer, csi and rtsp have none, and trigger: software picks single ones; use "gap"',
  },
);

/** Configuration of a device. Every key is documented in docs/device-config.md. */
export const deviceConfigSchema = z.strictObject({
  site: level.describe('First level of every topic.'),
  line: level.describe('Second level.'),
  device: level.describe('Third level; unique within the line.'),
  bundle: z.string().min(1).describe('Bundle folder of beltsight export; relative to the configuration file.'),
  state: z
    .string()
    .min(1)
    .default(() => join(process.env.STATE_DIRECTORY ?? '.', 'state'))
    .describe('Folder for what must outlive a restart; relative to the configuration file.'),
  runtime: runtimeSchema.prefault({}).describe('How the model is run.'),
  broker: brokerSchema,
  spool: spoolSchema.describe(
    'What waits for the broker, on disk. When full, the oldest pictures go first, results last.',
  ),
  cameras: z
    .array(cameraWithNumbersSchema)
    .min(1)
    .refine((cameras) => new Set(cameras.map(({ name }) => name)).size === cameras.length, 'two have the same name'),
  commands: commandsSchema.prefault({}).describe('What the device can be told to do, and by whom.'),
  collect: collectSchema.prefault({}).describe('Good images that the command `collect` saves.'),
  feedback: feedbackSchema
    .prefault({})
    .describe('Frames of products that did not pass, kept for people to mark false alarms; see docs/feedback.md.'),
  heartbeat: heartbeatSchema.optional().describe('A sign of life for a PLC; see docs/outputs.md.'),
  sparkplug: sparkplugSchema.optional(),
  update: updateSchema.optional().describe('How it gets new models; default: not. See docs/updates.md.'),
  dashboard: dashboardSchema.optional().describe("Serve the operator's page; default: not."),
  statusSeconds: z.number().min(0.2).max(3600).default(5).describe('How often the status is published.'),
  metrics: metricsSchema.prefault({}).describe('Figures for Prometheus.'),
  log: z
    .strictObject({ level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info') })
    .default({ level: 'info' }),
});
export type DeviceConfig = z.infer<typeof deviceConfigSchema>;
