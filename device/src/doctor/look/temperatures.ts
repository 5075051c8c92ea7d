import { type Found, fault, none, ok, warning } from '../finding.js';
import { type Machine, readNumber } from '../machine.js';
import type { Subject } from './board.js';

export interface Temperature {
  /** Such as "cpu-thermal". */
  readonly name: string;
  readonly celsius: number;
  /** Folder of its zone. */
  readonly zone: string;
}

const THERMAL = '/sys/class/thermal';
/** Where a zone names no limits of its own. */
const [HOT_CELSIUS, TOO_HOT_CELSIUS] = [85, 105];
/** So close to shutting down. */
const MARGIN_CELSIUS = 5;
/** Lower ones steer fans and surfaces. */
const LOWEST_BRAKE_CELSIUS = 75;
/** Cooling devices that are no fans: they slow clocks down. */
const BRAKE = /throttle-alert|hot-surface|cpufreq|devfreq|^Processor$/;

/** What the kernel's thermal zones show; zones of parts that are switched off show nothing, or what cannot be. */
export async function temperaturesOf(machine: Machine): Promise<Temperature[]> {
  const zones = (await machine.list(THERMAL)).filter((name) => /^thermal_zone\d+$/.test(name));
  const read = async (name: string) => {
    const zone = `${THERMAL}/${name}`;
    const milli = await readNumber(machine, `${zone}/temp`);
    if (milli === undefined || milli <= -50_000 || milli >= 200_000) return [];
    return [{ name: (await machine.read(`${zone}/type`)) || name, celsius: milli / 1000, zone }];
  };
  return (await Promise.all(zones.map(read))).flat();
}

/** Whatever slows clocks down at the moment because of heat. */
export async function brakesOn(machine: Machine): Promise<string[]> {
  const devices = (await machine.list(THERMAL)).filter((name) => /^cooling_device\d+$/.test(name));
  const read = async (name: string) => {
    const type = (await machine.read(`${THERMAL}/${name}/type`)) ?? '';
    const state = (await readNumber(machine, `${THERMAL}/${name}/cur_state`)) ?? 0;
    return BRAKE.test(type) && state > 0 ? [type] : [];
  };
  return (await Promise.all(devices.map(read))).flat();
}

/** All temperatures, judged by how near each is to slowing down or shutting down. */
export async function temperatures({ machine }: Subject): Promise<Found> {
  const all = await temperaturesOf(machine);
  if (all.length === 0) return none(`${THERMAL} shows none`);
  const judged = await Promise.all(all.map(async (zone) => ({ ...zone, ...(await limitsOf(machine, zone.zone)) })));
  const found = all.map(({ name, celsius }) => `${name} ${celsius.toFixed(0)}`).join(', ');
  const shown = `${found} °C`;
  const remedy = 'clean or add a fan, check the heat sink; until then a lower power mode';
  const dying = judged.find(({ celsius, off }) => celsius >= off);
  if (dying) return fault(`${shown}; ${dying.name} is about to shut the device down`, remedy);
  const hot = judged.find(({ celsius, brake }) => celsius >= brake);
  if (hot) return warning(`${shown}; ${hot.name} is so hot that clocks are lowered`, remedy);
  return ok(shown);
}

/** From which temperatures on the kernel slows down, and is about to shut down. */
async function limitsOf(machine: Machine, zone: string): Promise<{ brake: number; off: number }> {
  const types = (await machine.list(zone)).filter((name) => /^trip_point_\d+_type$/.test(name));
  const trips = await Promise.all(
    types.map(async (file) => ({
      type: await machine.read(`${zone}/${file}`),
      celsius: ((await readNumber(machine, `${zone}/${file.replace('_type', '_temp')}`)) ?? 0) / 1000,
    })),
  );
  const lowest = (type: string, from: number) =>
    trips.filter((trip) => trip.type === type && trip.celsius >= from).sort((a, b) => a.celsius - b.celsius)[0]
      ?.celsius;
  const critical = lowest('critical', LOWEST_BRAKE_CELSIUS);
  return {
    brake: lowest('passive', LOWEST_BRAKE_CELSIUS) ?? HOT_CELSIUS,
    off: critical === undefined ? TOO_HOT_CELSIUS : critical - MARGIN_CELSIUS,
  };
}
