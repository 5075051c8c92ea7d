import { type Answer, silence } from '../command.js';
import { type Found, none, ok, warning } from '../finding.js';
import type { Subject } from './board.js';

/** systemd-timesyncd touches it when it has set the clock. */
const STAMP = '/run/systemd/timesync/synchronized';
const REMEDY = 'sudo timedatectl set-ntp true';

/** Whether the clock follows a time server: results carry its time, and certificates are judged by it. */
export async function clockSynchronisation({ machine }: Subject): Promise<Found> {
  const systemd = await machine.run('timedatectl', 'show', '-p', 'NTPSynchronized');
  const said = /^NTPSynchronized=(yes|no)$/m.exec(textOf(systemd))?.[1];
  if (said === 'yes') return ok('yes, says timedatectl');
  if (said === 'no') return warning(`no, says timedatectl; it is ${new Date().toISOString()} here`, REMEDY);
  const chrony = await machine.run('chronyc', '-n', 'tracking');
  const leap = /^Leap status\s*: (Normal|Insert second|Delete second|Not synchronised)\s*$/m.exec(textOf(chrony))?.[1];
  if (leap === 'Not synchronised') {
    return warning(`no, says chronyc; it is ${new Date().toISOString()} here`, 'sudo chronyc makestep');
  }
  if (leap !== undefined) return ok('yes, says chronyc');
  if ((await machine.read(STAMP)) !== undefined) return ok(`yes, by ${STAMP}`);
  const why = `${silence('timedatectl', systemd)}; ${silence('chronyc', chrony)}`;
  // A container's clock is its host's.
  const noSystemd =
    systemd.state === 'missing' || (systemd.state === 'ended' && /booted with systemd/.test(systemd.errors));
  const absent = noSystemd && chrony.state === 'missing';
  return absent ? none(`not known: ${why}`) : warning(`not known: ${why}`, REMEDY);
}

function textOf(answer: Answer): string {
  return answer.state === 'ended' && answer.status === 0 ? answer.output : '';
}
