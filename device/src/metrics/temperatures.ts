import { type Temperature, temperaturesOf } from '../doctor/look/temperatures.js';
import type { Machine } from '../doctor/machine.js';

/** Temperatures move slowly, and some zones take their time to answer. */
const EVERY_MS = 10_000;
/** Boards have a dozen zones. */
const MOST_ZONES = 32;

/** The kernel's thermal zones, looked at now and then. */
export class Temperatures {
  #latest: readonly Temperature[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly machine: Machine) {}

  /** Those of the last look; zones of the same name are numbered. */
  get latest(): readonly Temperature[] {
    return this.#latest;
  }

  /** Looks now, and from now on. A machine that is looked at never throws. */
  start(): void {
    this.#timer = setInterval(() => void this.#look(), EVERY_MS).unref();
    void this.#look();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const seen = new Map<string, number>();
    this.#latest = (await temperaturesOf(this.machine)).slice(0, MOST_ZONES).map((zone) => {
      const count = (seen.get(zone.name) ?? 0) + 1;
      seen.set(zone.name, count);
      return count === 1 ? zone : { ...zone, name: `${zone.name} ${count}` };
    });
  }
}
