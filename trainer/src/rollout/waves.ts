import { createHash } from 'node:crypto';
import { devicesOf } from './amount.js';
import type { Plan, PlannedWave } from './plan.js';

/** Which devices: levels of their address, and names; what is not given matches all. */
export type Among = Pick<Plan, 'site' | 'line' | 'devices'>;

export function isAmong({ site, line, devices }: Among, device: string): boolean {
  const [itsSite, itsLine] = device.split('/');
  return (
    (site === undefined || site === itsSite) &&
    (line === undefined || line === itsLine) &&
    (devices === undefined || devices.includes(device))
  );
}

/**
 * The devices of each wave, those of earlier waves left out. The order depends on the names of rollout and device alone: whoever computes it comes to the
 * same, another rollout begins with other devices, and lines and sites are mixed.
 * @param devices `<site>/<line>/<device>`, each once
 */
export function assign(
  rollout: string,
  devices: readonly string[],
  waves: readonly Pick<PlannedWave, 'amount' | 'site' | 'line' | 'devices'>[],
): string[][] {
  const ranked = devices
    .map((device) => ({ device, rank: createHash('sha256').update(`${rollout}\n${device}`).digest('hex') }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .map(({ device }) => device);
  const taken = new Set<string>();
  return waves.map((wave) => {
    const candidates = ranked.filter((device) => isAmong(wave, device));
    const chosen = candidates
      .slice(0, devicesOf(wave.amount, candidates.length))
      .filter((device) => !taken.has(device));
    for (const device of chosen) taken.add(device);
    return chosen;
  });
}
