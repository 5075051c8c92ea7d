import { Pulse, type Switch } from '../signal/pulse.js';
import { type GpioCalls, systemCalls } from './libc.js';
import { GpioLine } from './line.js';
import type { GpioLineConfig } from './schema.js';

/** The output lines of this process. Cameras that share an ejector share its line. */
export class GpioLines {
  readonly #lines = new Map<string, { readonly line: GpioLine; readonly pulse: Pulse }>();
  /** Whatever ends the process but a kill leaves its lines at rest. */
  readonly #atExit = () => this.close();

  private constructor(readonly failed: (error: unknown) => void) {}

  /**
   * Takes lines, each once and at rest.
   * @param failed hears why a line cannot be switched
   * @throws BeltsightError OUTPUT_FAILED; then none is taken
   */
  static open(configs: readonly GpioLineConfig[], failed: (error: unknown) => void, calls?: GpioCalls): GpioLines {
    const lines = new GpioLines(failed);
    if (configs.length > 0) process.once('exit', lines.#atExit);
    try {
      for (const config of configs) {
        if (lines.#lines.has(keyOf(config))) continue;
        const line = GpioLine.open(calls ?? systemCalls(), config);
        lines.#lines.set(keyOf(config), { line, pulse: new Pulse(line, failed) });
      }
    } catch (error) {
      lines.close();
      throw error;
    }
    return lines;
  }

  /** A line that was taken. */
  line(config: GpioLineConfig): Switch | undefined {
    return this.#lines.get(keyOf(config))?.line;
  }

  /** Pulses on a line that was taken. */
  pulse(config: GpioLineConfig): Pulse | undefined {
    return this.#lines.get(keyOf(config))?.pulse;
  }

  /** Resolves when no pulse is under way. */
  async finished(): Promise<void> {
    await Promise.all([...this.#lines.values()].map(({ pulse }) => pulse.finished()));
  }

  /** All at rest, and given back. */
  close(): void {
    process.off('exit', this.#atExit);
    for (const { line, pulse } of this.#lines.values()) {
      pulse.end();
      try {
        line.close();
      } catch (error) {
        this.failed(error);
      }
    }
    this.#lines.clear();
  }
}

const keyOf = ({ chip, line, activeLow, drive }: GpioLineConfig): string =>
  JSON.stringify([chip, line, activeLow, drive]);

/** Takes lines and gives them back, for a look. @throws BeltsightError OUTPUT_FAILED */
export function checkLines(configs: readonly GpioLineConfig[], calls?: GpioCalls): string {
  GpioLines.open(configs, () => undefined, calls).close();
  return configs.map(({ chip, line }) => `${chip} line ${line}`).join(', ');
}
