import { z } from 'zod';

/** Configuration of the figures for Prometheus. The status message carries its own whatever is set here. */
export const metricsSchema = z.strictObject({
  port: z
    .int()
    .min(1)
    .max(65_535)
    .nullable()
    .default(null)
    .describe('TCP port of the endpoint for Prometheus; null: there is none.'),
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address that it listens on; beyond this machine only where the network may read it.'),
});
