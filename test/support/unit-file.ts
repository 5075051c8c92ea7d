import { execFileSync } from 'node:child_process';

/** Values of a setting in a unit file, words of all its lines. */
export function wordsOf(unit: string, setting: string): string[] {
  return [...unit.matchAll(new RegExp(`^${setting}=(.*)$`, 'gm'))].flatMap(([, value = '']) => value.split(/\s+/));
}

/** System calls that SystemCallFilter= of a unit lets through: the first line allows, one that begins with "~" forbids again. */
export function allowedSystemCalls(unit: string): Set<string> {
  const sets = callSets();
  const allowed = new Set<string>();
  for (const [, denied, names = ''] of unit.matchAll(/^SystemCallFilter=(~?)(.*)$/gm)) {
    for (const call of names.split(/\s+/).flatMap((name) => expand(name, sets))) {
      if (denied) allowed.delete(call);
      else allowed.add(call);
    }
  }
  // Whatever a filter says, systemd lets these through.
  for (const call of expand('@default', sets)) allowed.add(call);
  return allowed;
}

/** systemd's own named sets of system calls, which may hold one another. */
function callSets(): Map<string, string[]> {
  const text = execFileSync('systemd-analyze', ['syscall-filter', '--no-pager'], { encoding: 'utf8', stdio: 'pipe' });
  const sets = new Map<string, string[]>();
  for (const block of text.split(/^(?=@)/m)) {
    const [name = '', ...members] = block.split('\n').map((line) => line.trim());
    sets.set(
      name,
      members.filter((member) => /^@?\w/.test(member)),
    );
  }
  return sets;
}

function expand(name: string, sets: ReadonlyMap<string, readonly string[]>): string[] {
  if (!name.startsWith('@')) return [name];
  const members = sets.get(name);
  if (!members) throw new Error(`systemd knows no set ${name} of system calls`);
  return members.flatMap((member) => expand(member, sets));
}
