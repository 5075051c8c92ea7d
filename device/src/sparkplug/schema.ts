import { z } from 'zod';

const id = z
  .string()
  .regex(/^[^\s+/#\p{Cc}]([^+/#\p{Cc}]{0,126}[^\s+/#\p{Cc}])?$/u, 'use 1 to 128 characters without "+", "/" and "#"');

/** Configuration section `sparkplug`: absent, no Sparkplug. Every key is documented in docs/sparkplug.md. */
export const sparkplugSchema = z
  .strictObject({
    groupId: id.optional().describe('Sparkplug group; default: <site>-<line>.'),
    edgeNodeId: id.optional().describe('Edge node, unique within the group; default: <device>.'),
    primaryHost: id
      .optional()
      .describe('Host id whose STATE is heeded: births wait for it, results are stored while it is offline.'),
    heatmaps: z.boolean().default(false).describe('Send heatmaps as a metric of type File.'),
    deadband: z
      .strictObject({
        score: z.number().min(0).default(0).describe('Changes of the score up to this are not reported.'),
        latencyMs: z.number().min(0).default(0).describe('Changes of the latency up to this are not reported.'),
      })
      .prefault({}),
    rebirthSeconds: z
      .number()
      .min(0)
      .max(3600)
      .default(2)
      .describe('Births at the request of a host are sent no more often; requests in between are answered by one.'),
    forwardPerSecond: z
      .number()
      .min(1)
      .max(10_000)
      .default(50)
      .describe('Stored results of a camera are sent at this pace when the host is back.'),
    store: z
      .strictObject({
        maxMegabytes: z.number().min(1).max(65_536).default(16).describe('Disk space they may take, for each camera.'),
      })
      .prefault({})
      .describe('What waits for the host or the broker. When full, the oldest go first.'),
  })
  .describe('Sparkplug B beside the JSON topics.');
export type SparkplugConfig = z.infer<typeof sparkplugSchema>;
