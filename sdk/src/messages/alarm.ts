import { z } from 'zod';

/** Something a person has to look at: `camera/<camera>/alarm`, retained, QoS 1. One alarm at a time for each camera. */
export const alarmSchema = z.object({
  schema: z.literal('beltsight.alarm/1'),
  id: z.uuid().describe('Names this alarm from raised to cleared.'),
  camera: z.string(),
  kind: z.enum(['reject-rate', 'unknown-rate']).describe('Which figure left its control limits.'),
  state: z.enum(['raised', 'acknowledged', 'cleared']),
  since: z.iso.datetime().describe('When it was raised.'),
  at: z.iso.datetime().describe('When this state began.'),
  value: z.number().describe('The figure, as a share of products.'),
  limit: z.number().describe('The control limit that it left.'),
  message: z.string().describe('What is wrong and what to do, for a person.'),
  acknowledgedBy: z.string().optional(),
});
export type AlarmMessage = z.infer<typeof alarmSchema>;

/** Take this product off the line: `camera/<camera>/reject`, QoS 0, not retained, sent when it is at the ejector. */
export const rejectSchema = z.object({
  schema: z.literal('beltsight.reject/1'),
  id: z.uuid().describe('Id of this signal.'),
  results: z.array(z.uuidv7()).describe('Ids of the results that led to it, the last one last.'),
  camera: z.string(),
  at: z.iso.datetime().describe('When the signal was due.'),
  lateMs: z.number().nonnegative().describe('By how much it was sent too late.'),
  verdict: z.enum(['reject', 'unknown']),
  class: z.string().nullable(),
});
export type RejectMessage = z.infer<typeof rejectSchema>;
