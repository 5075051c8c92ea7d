import { desiredSchema } from '@beltsight/sdk';
import { z } from 'zod';
import { withFiles } from '../config/paths.js';
import { hawkbitSchema } from './hawkbit/schema.js';

const probationSchema = z.strictObject({
  frames: z
    .int()
    .min(20)
    .max(1_000_000)
    .default(500)
    .describe('Results after which a model is judged, at the earliest.'),
  minutes: z.number().min(0).max(10_080).default(10).describe('Time after which it is, at the earliest.'),
  latencyFactor: z
    .number()
    .min(1)
    .max(100)
    .default(2)
    .describe('The median latency may be so many times that of the model before.'),
  excessRejects: z
    .number()
    .min(0)
    .max(1)
    .default(0.05)
    .describe('Share of products that may be rejected beyond what is usual.'),
  failures: z.int().min(1).max(1000).default(3).describe('Frames that could not be inspected: so many are too many.'),
});

/** How a device gets new models. */
export const updateSchema = z
  .strictObject({
    root: z
      .string()
      .min(1)
      .describe(
        'First root of the repository, metadata/1.root.json, as it was brought here by hand: all trust starts there.',
      ),
    url: z
      .string()
      .regex(
        /^https?:\/\/[^\s/@?#]+(\/[^\s@?#]*)?$/,
        'must look like https://host/path, without user, password and query',
      )
      .optional()
      .describe('Address of the repository; default: over MQTT, from `beltsight release serve --mqtt`.'),
    tokenFile: z.string().min(1).optional().describe('File whose first line is the bearer token for the repository.'),
    caFile: z.string().min(1).optional().describe('Certificate authority (PEM) to trust instead of the public ones.'),
    proxy: z
      .string()
      .regex(/^https?:\/\/\S+$/, 'must look like http://host:3128')
      .optional()
      .describe('HTTP proxy on the way to the repository.'),
    channel: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.]{0,63}$/, 'use letters, digits, "." and "_"')
      .default('stable')
      .describe('Channel that it follows where `update/desired` names no release.'),
    pollSeconds: z.number().min(10).max(604_800).default(900).describe('How often it looks by itself.'),
    window: desiredSchema.shape.window.describe(
      'Time of day, by the local clock, in which it may switch, where `update/desired` names no other; default: at once.',
    ),
    kilobytesPerSecond: z
      .number()
      .min(1)
      .nullable()
      .default(null)
      .describe('Bandwidth that it may use; null: all there is.'),
    pieceKilobytes: z
      .int()
      .min(1)
      .max(1024)
      .default(128)
      .describe('Size of one piece over MQTT; brokers limit their packets.'),
    quotaMegabytes: z.number().min(1).max(1e9).default(2048).describe('Disk space that downloaded models may take.'),
    reserveMegabytes: z.number().min(0).max(1e9).default(256).describe('Disk space that is kept free.'),
    hawkbit: hawkbitSchema
      .optional()
      .describe('Eclipse hawkBit chooses the release, instead of `update/desired`: docs/hawkbit.md.'),
    probation: probationSchema.prefault({}).describe('What a new model must show before it stays.'),
  })
  .refine(
    ({ url, tokenFile, caFile, proxy }) => url !== undefined || !(tokenFile ?? caFile ?? proxy),
    'tokenFile, caFile and proxy go with url',
  );
export type UpdateConfig = z.infer<typeof updateSchema>;

/** With its paths counted from another folder. */
export function withUpdatePaths(update: UpdateConfig, from: (path: string) => string): UpdateConfig {
  const { hawkbit, ...rest } = withFiles(update, ['root', 'tokenFile', 'caFile'], from);
  return hawkbit ? { ...rest, hawkbit: withFiles(hawkbit, HAWKBIT_FILES, from) } : rest;
}

const HAWKBIT_FILES = ['tokenFile', 'caFile', 'certFile', 'keyFile'] as const;
