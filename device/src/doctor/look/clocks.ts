import { silence } from '../command.js';
import { type Found, none, ok, warning } from '../finding.js';
import { type Machine, readNumber } from '../machine.js';
import type { Subject } from './board.js';
import { brakesOn } from './temperatures.js';

/** A clock of a cluster of processors, or of a GPU. */
export interface Clock {
  /** Such as "cpu0", the first processor of its cluster, or "17000000.gpu". */
  readonly name: string;
  readonly kind: 'CPU' | 'GPU';
  readonly nowMhz: number;
  /** Between these two it may move; heat and the power mode lower the upper one. */
  readonly lowMhz: number | undefined;
  readonly highMhz: number | undefined;
  /** What the processor could do. */
  readonly hardwareMhz: number | undefined;
  readonly governor: string | undefined;
}

/** Clocks that the kernel shows; none in most virtual machines and containers. */
export async function clocksOf(machine: Machine): Promise<Clock[]> {
  const policies = (await machine.list(CPUFREQ)).filter((name) => /^policy\d+$/.test(name));
  const clocks = await Promise.all([
    ...policies.map((policy) => cpuClock(machine, policy)),
    ...(await gpuFolders(machine)).map((folder) => gpuClock(machine, folder)),
  ]);
  return clocks.filter((clock) => clock !== undefined);
}

/** Governors and limits; whether clocks are held down, and on a Jetson whether they rise only with the load. */
export async function clocks({ machine, board }: Subject): Promise<Found> {
  const all = await clocksOf(machine);
  const memory = board.jetson ? `; ${await memoryClock(machine)}` : '';
  const found = `${all.map(describe).join('; ') || 'the kernel shows none'}${memory}`;
  const brakes = await brakesOn(machine);
  if (brakes.length > 0) {
    return warning(
      `${found}; held down by heat: ${brakes.join(', ')}`,
      'clean or add a fan; until then a lower power mode',
    );
  }
  if (all.length === 0) return none(found);
  if (board.jetson) {
    if (all.every(({ lowMhz, highMhz }) => lowMhz === highMhz)) return ok(found);
    return warning(`${found}; they rise only with the load, so latency varies`, 'sudo jetson_clocks');
  }
  const capped = all.find(({ highMhz = 0, hardwareMhz = 0 }) => highMhz < hardwareMhz);
  if (capped === undefined) return ok(found);
  const { name, hardwareMhz } = capped;
  return warning(
    `${found}; ${name} could do ${hardwareMhz?.toFixed(0)} MHz`,
    `sudo cpupower frequency-set --max ${hardwareMhz?.toFixed(0)}MHz`,
  );
}

const CPUFREQ = '/sys/devices/system/cpu/cpufreq';
/** Devices of the kernel's devfreq that are a Jetson's GPU: named so, or after the chip (ga10b, gv11b, gp10b, gm20b). */
const GPU = /gpu|\bg[abmpv]\d+b\b/;

async function cpuClock(machine: Machine, policy: string): Promise<Clock | undefined> {
  const mhz = (file: string) => readMhz(machine, `${CPUFREQ}/${policy}/${file}`, 1000);
  const nowMhz = await mhz('scaling_cur_freq');
  if (nowMhz === undefined) return undefined;
  return {
    name: policy.replace('policy', 'cpu'),
    kind: 'CPU',
    nowMhz,
    lowMhz: await mhz('scaling_min_freq'),
    highMhz: await mhz('scaling_max_freq'),
    hardwareMhz: await mhz('cpuinfo_max_freq'),
    governor: await machine.read(`${CPUFREQ}/${policy}/scaling_governor`),
  };
}

async function gpuClock(machine: Machine, folder: string): Promise<Clock | undefined> {
  const mhz = (file: string) => readMhz(machine, `${folder}/${file}`, 1);
  const nowMhz = await mhz('cur_freq');
  if (nowMhz === undefined) return undefined;
  return {
    name: folder.slice(folder.lastIndexOf('/') + 1),
    kind: 'GPU',
    nowMhz,
    lowMhz: await mhz('min_freq'),
    highMhz: await mhz('max_freq'),
    hardwareMhz: undefined,
    governor: await machine.read(`${folder}/governor`),
  };
}

async function gpuFolders(machine: Machine): Promise<string[]> {
  const within = async (folder: string) =>
    (await machine.list(folder)).filter((name) => GPU.test(name)).map((name) => `${folder}/${name}`);
  const classed = await within('/sys/class/devfreq');
  if (classed.length > 0) return classed;
  const devices = await within('/sys/devices');
  return (await Promise.all(devices.map((device) => within(`${device}/devfreq`)))).flat();
}

async function readMhz(machine: Machine, path: string, unitHz: number): Promise<number | undefined> {
  const value = await readNumber(machine, path);
  return value === undefined || value < 0 ? undefined : (value * unitHz) / 1e6;
}

/** Such as "cpu0 729 to 1510 MHz, now 1190 (schedutil)". */
function describe({ name, nowMhz, lowMhz, highMhz, governor }: Clock): string {
  const limits =
    lowMhz === undefined || highMhz === undefined ? '' : ` ${lowMhz.toFixed(0)} to ${highMhz.toFixed(0)} MHz,`;
  return `${name}${limits} now ${nowMhz.toFixed(0)} MHz${governor ? ` (${governor})` : ''}`;
}

/** The clock of a Jetson's memory, which only root is told. */
async function memoryClock(machine: Machine): Promise<string> {
  const answer = await machine.run('jetson_clocks', '--show');
  const text = answer.state === 'ended' ? answer.output : '';
  const hz = /^EMC MinFreq=\d+ MaxFreq=\d+ CurrentFreq=(\d+)/m.exec(text)?.[1];
  return hz === undefined ? silence('jetson_clocks --show', answer) : `memory now ${(Number(hz) / 1e6).toFixed(0)} MHz`;
}
