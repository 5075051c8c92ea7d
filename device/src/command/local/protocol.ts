import { join } from 'node:path';
import { commandSchema } from '@beltsight/sdk';
import { z } from 'zod';

/** The socket in the state folder. One request a connection: a line of JSON there, a line of JSON back. */
export const socketIn = (state: string) => join(state, 'command.sock');

/** Room for the name in a `sockaddr_un`, with the zero at its end. */
export const NAME_BYTES = 108;

/** A request on the local socket: that of MQTT, with the command's name and the device it is meant for. */
export const localRequestSchema = commandSchema.extend({
  command: z.string().min(1).max(64),
  device: z.strictObject({ site: z.string(), line: z.string(), device: z.string() }),
});
export type LocalRequest = z.input<typeof localRequestSchema>;
