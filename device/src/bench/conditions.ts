import { type Clock, clocksOf } from '../doctor/look/clocks.js';
import { brakesOn, type Temperature, temperaturesOf } from '../doctor/look/temperatures.js';
import type { Machine } from '../doctor/machine.js';
import { pause } from '../pause.js';

/** What the device was like during a measurement. */
export interface Conditions {
  readonly temperatures: readonly TemperatureCourse[];
  readonly clocks: readonly ClockCourse[];
  /** Cooling devices that held clocks down because of heat, at any time. */
  readonly brakes: readonly string[];
}

interface TemperatureCourse {
  readonly name: string;
  readonly startCelsius: number;
  readonly endCelsius: number;
}

/** A clock in the first and in the last third of a measurement: means of what was seen. */
interface ClockCourse {
  readonly name: string;
  readonly firstMhz: number;
  readonly lastMhz: number;
  /** More than a tenth lower in the end; so is a clock whose limit is. */
  readonly fell: boolean;
}

const PERIOD_MS = 500;
const FALLEN = 0.9;

/**
 * Watches temperatures and clocks until the signal comes.
 * @param periodMs how often clocks are looked at
 */
export async function watchConditions(
  machine: Machine,
  signal: AbortSignal,
  periodMs = PERIOD_MS,
): Promise<Conditions> {
  const before = await temperaturesOf(machine);
  const samples: Clock[][] = [];
  const brakes = new Set<string>();
  // The first look waits: clocks rise when work begins.
  while (await pause(periodMs, signal)) {
    samples.push(await clocksOf(machine));
    for (const brake of await brakesOn(machine)) brakes.add(brake);
  }
  return {
    temperatures: temperatureCourses(before, await temperaturesOf(machine)),
    clocks: clockCourses(samples),
    brakes: [...brakes],
  };
}

function temperatureCourses(before: readonly Temperature[], after: readonly Temperature[]): TemperatureCourse[] {
  return before.flatMap(({ name, zone, celsius }) => {
    const end = after.find((other) => other.zone === zone);
    return end ? [{ name, startCelsius: celsius, endCelsius: end.celsius }] : [];
  });
}

/** Of the clocks that were there from the first look to the last. */
function clockCourses(samples: readonly (readonly Clock[])[]): ClockCourse[] {
  const third = Math.ceil(samples.length / 3);
  const [first, last] = [samples.slice(0, third), samples.slice(-third)];
  return (samples[0] ?? []).flatMap(({ name }) => {
    const mean = (looks: typeof samples, of: (clock: Clock) => number | undefined) => {
      const values = looks.flatMap((clocks) => clocks.filter((clock) => clock.name === name).map(of));
      return values.reduce<number>((sum, value) => sum + (value ?? Number.NaN), 0) / values.length;
    };
    const [firstMhz, lastMhz] = [mean(first, (clock) => clock.nowMhz), mean(last, (clock) => clock.nowMhz)];
    if (!Number.isFinite(lastMhz)) return [];
    const [firstLimit, lastLimit] = [mean(first, (clock) => clock.highMhz), mean(last, (clock) => clock.highMhz)];
    return [{ name, firstMhz, lastMhz, fell: lastMhz < FALLEN * firstMhz || lastLimit < FALLEN * firstLimit }];
  });
}
