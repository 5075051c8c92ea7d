import { z } from 'zod';

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.]{0,63}$/, 'use letters, digits, "." and "_"');
const digest = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 in lower-case hex');
/** A path inside a bundle, without a way out of it. */
const path = z
  .string()
  .max(256)
  .regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/);

/** A released bundle: the content of the TUF target `releases/<scope>/<name>-<version>.json`. */
export const releaseSchema = z.object({
  schema: z.literal('beltsight.release/1'),
  name,
  version: z.int().positive().describe('Rises with every release of the name.'),
  modelId: z.string().regex(/^[0-9a-f]{16}$/),
  createdAt: z.iso.datetime(),
  notes: z.string().max(4096).default(''),
  files: z
    .record(path, z.object({ sha256: digest, sizeBytes: z.int().nonnegative() }))
    .describe('Every file of the bundle by its path inside, the manifest too; each lies at `blobs/<sha256>`.'),
});
export type Release = z.infer<typeof releaseSchema>;

/** What the devices of a scope shall run: the content of the TUF target `channels/<scope>/<channel>.json`. */
export const channelSchema = z.object({
  schema: z.literal('beltsight.channel/1'),
  release: z.string().max(256).nullable().describe('Target path of a release; null: keep what is running.'),
  at: z.iso.datetime(),
});
export type Channel = z.infer<typeof channelSchema>;
