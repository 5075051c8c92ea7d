import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { writeAtomically } from '../../atomic.js';

/** The number after `number`: 0 to 255, then 0 again. */
export const wrapped = (number: number): number => (number + 1) % 256;

const FILE = 'sparkplug.json';
const fileSchema = z.object({ nextBdSeq: z.int().min(0).max(255) });

/**
 * The number that ties a death certificate to its birth (bdSeq): one more for every MQTT CONNECT, from 0 to 255 and round again,
 * also over restarts (section 5.4).
 */
export class BirthDeathSequence {
  private constructor(
    private readonly folder: string,
    private readonly logger: Logger,
    private next: number,
  ) {}

  /** Reads where it was; where nothing can be read, it begins at 0. */
  static async open(folder: string, logger: Logger): Promise<BirthDeathSequence> {
    const next = await readFile(join(folder, FILE), 'utf8')
      .then((text) => fileSchema.parse(JSON.parse(text)).nextBdSeq)
      .catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT')
          logger.warn({ err: error }, `${join(folder, FILE)} cannot be read; bdSeq begins at 0.`);
        return 0;
      });
    return new BirthDeathSequence(folder, logger, next);
  }

  /** The number for a CONNECT that is about to be sent. It is never given twice, unless it cannot be written down. */
  async take(): Promise<number> {
    const number = this.next;
    this.next = wrapped(number);
    try {
      await mkdir(this.folder, { recursive: true });
      await writeAtomically(join(this.folder, FILE), `${JSON.stringify({ nextBdSeq: this.next })}\n`);
    } catch (error) {
      this.logger.warn({ err: error }, `bdSeq cannot be kept in ${this.folder}: after a restart it begins anew.`);
    }
    return number;
  }
}
