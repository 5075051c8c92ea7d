import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import type { Logger } from 'pino';
import { z } from 'zod';
import { writeAtomically } from '../atomic.js';

/** Thresholds of so many models are kept: those of an earlier model come back with it. */
const MODELS = 16;

const settingsSchema = z.object({
  schema: z.literal('beltsight.settings/1'),
  recipes: z
    .record(z.string(), z.object({ class: z.string().nullable(), configured: z.string().nullable() }))
    .describe('By camera: the class, and what the configuration said when it was set.'),
  rates: z
    .record(z.string(), z.record(z.string(), z.number().gt(0).lt(1)))
    .describe('False-reject rates by model id and class.'),
});
type Settings = z.infer<typeof settingsSchema>;

/** What commands have set and a restart must keep: recipes, and false-reject rates. */
export class CommandSettings {
  private constructor(
    private readonly file: string,
    private settings: Settings,
  ) {}

  /** Settings that cannot be read are given up with a warning: configuration and bundle hold. */
  static async open(file: string, logger: Pick<Logger, 'warn'>): Promise<CommandSettings> {
    let settings: Settings = { schema: 'beltsight.settings/1', recipes: {}, rates: {} };
    try {
      settings = settingsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ENOENT') {
        const message = `${file} cannot be read (${(error as Error).message}): recipes and thresholds are those of configuration and bundle.`;
        logger.warn({ err: error }, message);
      }
    }
    return new CommandSettings(file, settings);
  }

  /** The class last set for a camera, null to recognise it; undefined if none was, or the configuration has been changed since. */
  recipe(camera: string, configured: string | null): string | null | undefined {
    const set = this.settings.recipes[camera];
    return set?.configured === configured ? set.class : undefined;
  }

  /** False-reject rates that were set for a model, by class. */
  rates(modelId: string): Readonly<Record<string, number>> {
    return this.settings.rates[modelId] ?? {};
  }

  /** @throws BeltsightError IO_FAILED if it cannot be written; it does not hold then */
  async setRecipe(camera: string, className: string | null, configured: string | null): Promise<void> {
    const recipes = { ...this.settings.recipes, [camera]: { class: className, configured } };
    await this.#write({ ...this.settings, recipes });
  }

  /**
   * @param rate null: as the bundle was calibrated
   * @throws BeltsightError IO_FAILED if it cannot be written; it does not hold then
   */
  async setRate(modelId: string, className: string, rate: number | null): Promise<void> {
    const { [modelId]: before = {}, ...others } = this.settings.rates;
    const { [className]: _, ...rest } = before;
    const rates = rate === null ? rest : { ...rest, [className]: rate };
    const models = [...Object.entries(others).slice(1 - MODELS), [modelId, rates] as const];
    await this.#write({ ...this.settings, rates: Object.fromEntries(models) });
  }

  async #write(settings: Settings): Promise<void> {
    try {
      await mkdir(dirname(this.file), { recursive: true, mode: 0o750 });
      await writeAtomically(this.file, `${JSON.stringify(settings, null, 2)}\n`);
    } catch (cause) {
      const message = `${this.file} cannot be written: ${(cause as Error).message}. Nothing was changed; see to the disk.`;
      throw new BeltsightError('IO_FAILED', message, { cause });
    }
    this.settings = settings;
  }
}
