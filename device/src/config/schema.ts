import { z } from 'zod';
import { runtimeSchema } from '../score/providers/schema.js';

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

const cameraSchema = z.strictObject({
  name: level.describe('Names the camera in topics and results.'),
  source: folderSourceSchema.describe('Where frames come from.'),
  class: z
    .string()
    .optional()
    .describe('Product class on this belt, where it is always the same; default: the model recognises it.'),
  heatmaps: z.enum(['none', 'rejects', 'all']).default('rejects').describe('Which results come with a heatmap.'),
  frames: z.boolean().default(false).describe('Publish a JPEG of every inspected frame.'),
});
export type CameraConfig = z.infer<typeof cameraSchema>;

const brokerSchema = z.strictObject({
  url: z
    .string()
    .regex(/^(mqtts?|wss?):\/\/[^\s/]/, 'must look like mqtt://host:1883, mqtts://host:8883 or ws://host/path')
    .describe('Address of the MQTT broker.'),
  clientId: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe('MQTT client id; default: beltsight-<site>-<line>-<device>.'),
  username: z.string().optional(),
  passwordFile: z.string().optional().describe('File whose first line is the password.'),
  caFile: z.string().optional().describe('Certificate authority (PEM) to trust instead of the public ones.'),
});

/** Configuration of a device. Every key is documented in docs/device-config.md. */
export const deviceConfigSchema = z.strictObject({
  site: level.describe('First level of every topic.'),
  line: level.describe('Second level.'),
  device: level.describe('Third level; unique within the line.'),
  bundle: z.string().min(1).describe('Bundle folder of beltsight export; relative to the configuration file.'),
  runtime: runtimeSchema.prefault({}).describe('How the model is run.'),
  broker: brokerSchema,
  outbox: z
    .strictObject({
      maxMessages: z.int().min(10).max(1_000_000).default(10_000).describe('Messages kept while the broker is away.'),
      maxMegabytes: z.number().min(1).max(4096).default(64).describe('Memory they may take.'),
    })
    .default({ maxMessages: 10_000, maxMegabytes: 64 })
    .describe('What waits for the broker. When full, the oldest pictures go first, results last.'),
  cameras: z
    .array(cameraSchema)
    .min(1)
    .refine((cameras) => new Set(cameras.map(({ name }) => name)).size === cameras.length, 'two have the same name'),
  statusSeconds: z.number().min(0.2).max(3600).default(5).describe('How often the status is published.'),
  log: z
    .strictObject({ level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info') })
    .default({ level: 'info' }),
});
export type DeviceConfig = z.infer<typeof deviceConfigSchema>;
