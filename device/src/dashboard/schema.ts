import { z } from 'zod';

/** The operator's page, served by the device itself. */
export const dashboardSchema = z.strictObject({
  port: z.int().min(0).max(65_535).default(8080).describe('0: any free one.'),
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address to serve it on: this machine alone, unless it says otherwise, such as 0.0.0.0.'),
  broker: z
    .string()
    .regex(/^wss?:\/\/[^\s/@?#;,]+(\/[^\s@?#;,]*)?$/, 'must look like ws://host:9001, without user and password')
    .optional()
    .describe(
      "WebSocket address of the broker as the operator's browser reaches it; default: port 9001 of the page's host.",
    ),
});
export type DashboardConfig = z.infer<typeof dashboardSchema>;
