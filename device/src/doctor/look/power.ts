import { silence } from '../command.js';
import { type Found, none, ok, warning } from '../finding.js';
import type { Subject } from './board.js';

const COMMAND = 'nvpmodel -q';

/** A Jetson's power mode caps clocks and the number of cores. */
export async function powerMode({ machine, board }: Subject): Promise<Found> {
  if (!board.jetson) return none('no Jetson');
  const answer = await machine.run('nvpmodel', '-q');
  if (answer.state === 'missing') return none(silence('nvpmodel', answer));
  const text = answer.state === 'ended' ? answer.output : '';
  const [, name, id] = /^NV Power Mode: ([\w.()| -]+)\r?\n(\d+)\s*$/m.exec(text) ?? [];
  if (name === undefined) return warning(silence(COMMAND, answer), `sudo ${COMMAND}`);
  const found = `${name} (mode ${id})`;
  const best = fastest((await machine.read('/etc/nvpmodel.conf')) ?? '');
  if (best === undefined || best.id === id) return ok(found);
  return warning(
    `${found}; ${best.name} is faster`,
    `sudo nvpmodel -m ${best.id}, if power supply and cooling allow it`,
  );
}

/** The mode without caps, or the one of most watts: "< POWER_MODEL ID=2 NAME=MAXN_SUPER >", "< POWER_MODEL ID=0 NAME=15W >". */
function fastest(configuration: string): { id: string; name: string } | undefined {
  const modes = [...configuration.matchAll(/^\s*<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+)\s*>/gm)].map(
    ([, id = '', name = '']) => ({ id, name, watts: wattsOf(name) }),
  );
  return modes.sort((a, b) => b.watts - a.watts)[0];
}

function wattsOf(name: string): number {
  if (/^MAXN_SUPER/i.test(name)) return 10_001;
  if (/^MAXN/i.test(name)) return 10_000;
  return Number(/(\d+)W/i.exec(name)?.[1] ?? 0);
}
