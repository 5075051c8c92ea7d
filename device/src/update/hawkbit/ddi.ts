import { z } from 'zod';

/*
 * What this client reads and writes of hawkBit's Direct Device Integration API, version 1 (https://eclipse.dev/hawkbit/rest-api/ddi.html). What else an
 * answer holds, such as artifacts, is left alone.
 */

const link = z.object({ href: z.string().max(2048) }).optional();
/** A number that rises with every action of a server. */
const actionId = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number);

/** `GET /{tenant}/controller/v1/{controllerId}`: what there is to do. */
export const controllerBaseSchema = z.object({
  config: z.object({ polling: z.object({ sleep: z.string().max(32).nullish() }).nullish() }).nullish(),
  _links: z
    .object({
      deploymentBase: link,
      confirmationBase: link,
      cancelAction: link,
      installedBase: link,
      configData: link,
    })
    .default({}),
});
export type Links = z.output<typeof controllerBaseSchema>['_links'];

const handlingSchema = z.enum(['skip', 'attempt', 'forced']);
const chunkSchema = z.object({
  part: z.string().max(256).describe('Key of the type of the software module.'),
  name: z.string().max(256),
  version: z.string().max(256),
  metadata: z
    .array(z.object({ key: z.string().max(256), value: z.string().max(4096) }))
    .max(100)
    .nullish()
    .describe('What is marked as visible to targets.'),
});
export type Chunk = z.output<typeof chunkSchema>;

/** `GET .../deploymentBase/{actionId}`, and `.../installedBase/{actionId}`. */
export const deploymentBaseSchema = z.object({
  id: actionId,
  deployment: z.object({
    download: handlingSchema,
    update: handlingSchema,
    maintenanceWindow: z.enum(['available', 'unavailable']).nullish(),
    chunks: z.array(chunkSchema).max(100),
  }),
});
export type DeploymentBase = z.output<typeof deploymentBaseSchema>;

/** `GET .../cancelAction/{actionId}`. */
export const cancelActionSchema = z.object({ cancelAction: z.object({ stopId: actionId }) });

/** How an action goes; `POST .../deploymentBase/{actionId}/feedback`, and `.../cancelAction/{actionId}/feedback`. */
export interface Feedback {
  /**
   * Only `closed` ends an action, a cancellation too. After `rejected` hawkBit goes on with an action that it wanted to cancel. `downloaded` ends an
   * action that was a download alone.
   */
  readonly execution: 'scheduled' | 'download' | 'downloaded' | 'proceeding' | 'closed' | 'rejected';
  readonly finished: 'success' | 'failure' | 'none';
  /** What people read beside the action. */
  readonly detail: string;
  readonly progress?: { readonly cnt: number; readonly of: number };
}

/** hawkBit breaks what is longer. */
const DETAIL_CHARACTERS = 512;

/** @param id of the action: servers before 0.3 ask for it in the body, too */
export function feedbackBody(id: number, { execution, finished, detail, progress }: Feedback, now: number): object {
  return {
    id: String(id),
    timestamp: now,
    status: {
      execution,
      result: { finished, ...(progress ? { progress } : {}) },
      details: [detail.slice(0, DETAIL_CHARACTERS)],
    },
  };
}

/** Body of `POST .../confirmationBase/{actionId}/feedback`. */
export function confirmationBody(detail: string): object {
  return { confirmation: 'confirmed', details: [detail] };
}

/** Keys and values of attributes may be so long. */
const ATTRIBUTE_CHARACTERS = 128;

/** Body of `PUT .../configData`. */
export function configDataBody(attributes: Readonly<Record<string, string>>): object {
  const short = (text: string) => text.slice(0, ATTRIBUTE_CHARACTERS);
  const data = Object.entries(attributes).map(([key, value]) => [short(key), short(value)]);
  return { mode: 'merge', data: Object.fromEntries(data) };
}

/** Milliseconds of `config.polling.sleep`, written as HH:MM:SS; undefined if it is something else. */
export function sleepMs(text: string | null | undefined): number | undefined {
  const [, hours, minutes, seconds] = text?.match(/^(\d{1,4}):([0-5]\d):([0-5]\d)$/) ?? [];
  if (hours === undefined) return undefined;
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
}
