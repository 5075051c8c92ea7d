import { z } from 'zod';
import { resultSchema } from './result.js';
import { statusSchema } from './status.js';
import { updateStateSchema } from './update.js';

const camera = z.string().min(1).max(64).describe('Name of the camera in the device configuration.');
const className = z.string().min(1).max(64);

/** What a device can be asked to do, by name, with the arguments of each. */
export const commandArguments = {
  recipe: z
    .strictObject({ camera, class: className.nullable().describe('Product class on the belt; null: recognise it.') })
    .describe('Names the product before a camera.'),
  threshold: z
    .strictObject({
      class: className,
      falseRejectRate: z
        .number()
        .gt(0)
        .lt(1)
        .nullable()
        .describe('Share of good products that may be rejected; null: as the bundle was calibrated.'),
    })
    .describe('Sets the threshold of a class by the false-reject rate, from the calibration scores of the bundle.'),
  trigger: z.strictObject({ camera }).describe('Inspects one frame; the reply carries its result.'),
  collect: z
    .strictObject({ camera, class: className, count: z.int().min(1).max(100_000) })
    .describe('Saves frames as good images of a class until there are so many; count 1 to 100,000.'),
  pause: z
    .strictObject({ camera: camera.optional().describe('Default: all.'), paused: z.boolean() })
    .describe('Stops inspecting, or goes on.'),
  acknowledge: z
    .strictObject({ camera, alarm: z.uuid(), by: z.string().min(1).max(64).optional() })
    .describe('Says that a person has seen an alarm.'),
  feedback: z
    .strictObject({
      camera,
      result: z.uuid().describe('Id of the result.'),
      judgement: z.enum(['false-alarm']).describe('What a person says of it: the product is good.'),
      class: className.optional().describe('Product class to file the frame under; default: that of the result.'),
      by: z.string().min(1).max(64).optional(),
    })
    .describe('Says that a result was a false alarm: its frame becomes a good image for training.'),
  status: z.strictObject({}).describe('Publishes the status now.'),
  update: z
    .strictObject({
      action: z
        .enum(['check', 'hold', 'release', 'roll-back'])
        .describe(
          'check: look now. hold: no updates, over restarts. release: updates again. roll-back: the model before, and never again the present one.',
        ),
      reason: z.string().min(1).max(256).optional().describe('Why it is rolled back; comes back in the state.'),
    })
    .describe('Steers updates.'),
} as const;
export type CommandName = keyof typeof commandArguments;
export type CommandArguments<N extends CommandName> = z.infer<(typeof commandArguments)[N]>;

/** What the reply to each command carries as its value. */
export const commandValues = {
  recipe: z.object({ camera, class: z.string().nullable() }),
  threshold: z.object({
    class: z.string(),
    threshold: z.number().describe('Score from which on a frame of this class is rejected from now on.'),
    falseRejectRate: z.number().describe('Share of good products that the calibration promises to reject at most.'),
  }),
  trigger: resultSchema,
  collect: z.object({
    camera,
    class: z.string(),
    folder: z.string().describe('Data set folder on the device.'),
    count: z.int().describe('Images that shall be there in the end.'),
    kept: z.int().describe('Images that are there already.'),
  }),
  pause: z.object({ cameras: z.array(z.string()).describe('Which cameras it holds for.'), paused: z.boolean() }),
  acknowledge: z.object({ camera, alarm: z.uuid() }),
  feedback: z.object({
    camera,
    result: z.uuid(),
    class: z.string().describe('Product class that the frame is filed under.'),
    file: z.string().describe('Name of the image, on the device and in the inbox.'),
    new: z.boolean().describe('False: it was marked before, and stays as it was.'),
  }),
  status: statusSchema,
  update: updateStateSchema,
} as const satisfies Record<CommandName, z.ZodType>;
export type UpdateAction = CommandArguments<'update'>['action'];
export type CommandValue<N extends CommandName> = z.infer<(typeof commandValues)[N]>;

/** The payload of `command/<name>`, QoS 1, not retained. */
export const commandSchema = z.strictObject({
  schema: z.literal('beltsight.command/1'),
  id: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/)
    .describe('Names the request: the reply comes on `reply/<id>`, and the same id is carried out once.'),
  args: z.record(z.string(), z.unknown()).default({}).describe('Arguments of the command.'),
  expiresAt: z.iso
    .datetime()
    .optional()
    .describe('Not to be carried out after this, by the clock of the device (UTC).'),
});
export type CommandMessage = z.infer<typeof commandSchema>;

/** The answer: `reply/<id>`, or the response topic of an MQTT 5 request with its correlation data; QoS 1, not retained. */
export const replySchema = z.object({
  schema: z.literal('beltsight.reply/1'),
  id: z.string(),
  command: z.string(),
  at: z.iso.datetime(),
  ok: z.boolean(),
  value: z.unknown().optional().describe('What the command gives: of a trigger, the result.'),
  error: z
    .object({ code: z.string(), message: z.string().describe('What is wrong and what to do.') })
    .optional()
    .describe('Why not, where ok is false.'),
  latencyMs: z.number().nonnegative().describe('From the arrival of the request to this reply.'),
});
export type ReplyMessage = z.infer<typeof replySchema>;
