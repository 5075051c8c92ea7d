import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the repository, seen from examples/dist as from examples/demo. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export const place = (...path: string[]) => join(ROOT, ...path);

/** The commands, as built by npm ci. */
export const TRAINER = place('trainer', 'bin', 'beltsight.mjs');
export const DEVICE = place('device', 'bin', 'beltsight-device.mjs');
