import { BeltsightError, type RolloutMessage } from '@beltsight/sdk';
import { Command } from 'commander';
import { plainTable } from '../plain-table.js';
import { abort, begin, known, pause, resume, withRollout } from '../rollout/control.js';
import { drive, headline } from '../rollout/drive.js';
import { type PlanInput, readPlan } from '../rollout/plan.js';
import type { BrokerOptions, Rollout } from '../rollout/rollout.js';
import { listRollouts } from '../rollout/rollouts.js';
import { STANDINGS, type Stand } from '../rollout/standing.js';
import { type BrokerFlags, mqttOptions, withBroker } from './broker.js';

interface Flags extends BrokerFlags {
  readonly mqtt: string;
}

/** beltsight rollout: brings a release to devices in waves, through the broker alone. */
export function rolloutCommand(): Command {
  return new Command('rollout')
    .description('Bring a release to devices in waves, and stop where they fail')
    .addCommand(startCommand())
    .addCommand(statusCommand())
    .addCommand(pauseCommand())
    .addCommand(resumeCommand())
    .addCommand(abortCommand());
}

const say = (line: string) => process.stderr.write(`${line}\n`);

const command = (name: string) =>
  withBroker(new Command(name).requiredOption('--mqtt <url>', 'broker of the devices, such as mqtt://broker:1883'));

const brokerOf = async (flags: Flags): Promise<BrokerOptions> => ({ url: flags.mqtt, mqtt: await mqttOptions(flags) });

interface StartFlags extends Flags {
  readonly plan?: string;
  readonly release?: string;
  readonly site?: string;
  readonly line?: string;
  readonly devices?: string;
  readonly waves?: string;
  readonly confirmed?: string;
  readonly within?: string;
  readonly stopAt?: string;
  readonly window?: string;
  readonly retry?: string;
}

function startCommand(): Command {
  return command('start')
    .description('Begin a rollout, or go on with one, and stay until it is done or stops')
    .argument('<id>', 'name of the rollout: letters, digits, ".", "_" and "-"')
    .option('--plan <file>', 'plan (YAML); options below count before it')
    .option('--release <release>', '<name>-<version>, or a target path')
    .option('--site <site>', 'for the devices of a site only')
    .option('--line <line>', 'for the devices of a line only')
    .option('--devices <list>', 'for these only: <site>/<line>/<device>,... (default: all that report)')
    .option('--waves <list>', 'devices or shares, each with those before (default: "1, 10 %, 50 %, 100 %")')
    .option('--confirmed <share>', 'share of a wave that must confirm before the next (default: "90 %")')
    .option('--within <minutes>', 'time for each wave (default: 60, with a window 1500)')
    .option('--stop-at <n>', 'failed devices, or their share, that stop it (default: "5 %")')
    .option('--window <from-to>', 'time of day to switch in, such as 22:00-05:00')
    .option('--retry <n>', 'a higher number than before: also devices where the release failed before')
    .addHelpText(
      'after',
      '\nExample:\n  beltsight rollout start spring --mqtt mqtt://broker:1883 --release bottles-3 --site plant1\n\nIt can be ended at any time, and goes on when it is started again.',
    )
    .action(async (id: string, flags: StartFlags) => {
      const given = planOf(flags);
      const hasPlan = flags.plan !== undefined || Object.keys(given).length > 0;
      const plan = hasPlan ? await readPlan(flags.plan, given) : undefined;
      await withRollout(id, await brokerOf(flags), async (rollout) => {
        say(headline(await begin(rollout, plan, say)));
        await driven(rollout);
      });
    });
}

function statusCommand(): Command {
  return command('status')
    .description('Show how a rollout stands, or which there are')
    .argument('[id]', 'name of the rollout')
    .option('--json', 'for programs')
    .action(async (id: string | undefined, { json = false, ...flags }: Flags & { json?: boolean }) => {
      const broker = await brokerOf(flags);
      if (id === undefined) {
        const rollouts = await listRollouts(broker);
        process.stdout.write(json ? `${JSON.stringify(rollouts, null, 2)}\n` : list(rollouts));
        return;
      }
      await withRollout(id, broker, async (rollout) => {
        const current = known(rollout);
        const devices = rollout.stands();
        const text = json ? `${JSON.stringify({ rollout: current, devices }, null, 2)}\n` : tables(current, devices);
        process.stdout.write(text);
        const sound = current.state === 'running' || current.state === 'done';
        process.exitCode = sound && !devices.some(({ standing }) => standing === 'failed') ? 0 : 1;
      });
    });
}

function pauseCommand(): Command {
  return command('pause')
    .description('Begin no further wave; devices that were asked go on')
    .argument('<id>', 'name of the rollout')
    .option('--reason <text>', 'what others should know', 'somebody paused it')
    .action(async (id: string, flags: Flags & { reason: string }) => {
      say(headline(await withRollout(id, await brokerOf(flags), (rollout) => pause(rollout, flags.reason))));
    });
}

function resumeCommand(): Command {
  return command('resume')
    .description('Go on with a paused rollout without the devices that failed, and stay until it is done or stops')
    .argument('<id>', 'name of the rollout')
    .option('--skip', 'also without all others of this wave that have not confirmed')
    .action(async (id: string, { skip = false, ...flags }: Flags & { skip?: boolean }) => {
      await withRollout(id, await brokerOf(flags), async (rollout) => {
        say(headline(await resume(rollout, skip)));
        await driven(rollout);
      });
    });
}

function abortCommand(): Command {
  return command('abort')
    .description('End a rollout, and put devices back that have not confirmed')
    .argument('<id>', 'name of the rollout')
    .option('--reason <text>', 'what others should know', 'somebody aborted it')
    .action(async (id: string, flags: Flags & { reason: string }) => {
      const broker = await brokerOf(flags);
      const { rollout, putBack, kept } = await withRollout(id, broker, (each) => abort(each, flags.reason));
      say(headline(rollout));
      say(`${putBack.length} devices are asked again for what they were asked for before.`);
      say(kept.length === 0 ? `None runs ${rollout.release}.` : `${kept.length} stay on ${rollout.release}:`);
      for (const device of kept) process.stdout.write(`${device}\n`);
    });
}

/** Drives a rollout until it ends, or somebody wants the command to. */
async function driven(rollout: Rollout): Promise<void> {
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  const last = await drive(rollout, { signal: stopping.signal, log: say });
  if (last.state === 'running') {
    say(`Nobody here drives rollout ${last.id} any more: beltsight rollout start ${last.id} goes on.`);
    process.exitCode = 130;
    return;
  }
  if (last.state !== 'done') throw stopped(last);
  const late = rollout.stands().filter(({ standing }) => standing !== 'confirmed');
  say(
    `${headline(last)}${late.length > 0 ? ` ${late.length} devices do not run it yet; they are still asked to.` : ''}`,
  );
}

function stopped(rollout: RolloutMessage): BeltsightError {
  const remedy = rollout.state === 'paused' ? ' Go on with beltsight rollout resume, or abort it.' : '';
  return new BeltsightError('ROLLOUT_STOPPED', `${headline(rollout)}${remedy}`);
}

/** What options say of the plan, not looked at yet. */
function planOf(flags: StartFlags): PlanInput {
  const list = (text: string | undefined) => text?.split(',').map((each) => each.trim());
  const number = (text: string | undefined) => (text === undefined || text.trim() === '' ? text : Number(text));
  const [from, to] = flags.window?.split('-') ?? [];
  const given = {
    release: flags.release,
    site: flags.site,
    line: flags.line,
    devices: list(flags.devices),
    waves: list(flags.waves),
    confirmed: flags.confirmed,
    withinMinutes: number(flags.within),
    stopAt: flags.stopAt,
    window: flags.window === undefined ? undefined : { from, to },
    retry: number(flags.retry),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function list(rollouts: readonly RolloutMessage[]): string {
  const table = plainTable(['rollout', 'release', 'state', 'wave', 'devices', 'since']);
  for (const { id, release, state, current, waves, at } of rollouts) {
    const devices = waves.reduce((sum, wave) => sum + wave.devices.length, 0);
    table.push([id, release, state, `${current.wave} of ${waves.length}`, devices, at]);
  }
  return `${table}\n`;
}

/** So many devices are listed; all are in the JSON. */
const LISTED = 30;

function tables(rollout: RolloutMessage, stands: readonly Stand[]): string {
  const used = STANDINGS.filter((each) => stands.some(({ standing }) => standing === each));
  const waves = plainTable(['wave', 'devices', ...used]);
  rollout.waves.forEach(({ devices }, i) => {
    const members = stands.filter(({ wave }) => wave === i + 1);
    const mark = i + 1 === rollout.current.wave && rollout.state !== 'done' ? ' <' : '';
    const counts = used.map((each) => members.filter(({ standing }) => standing === each).length);
    waves.push([`${i + 1}${mark}`, devices.length, ...counts]);
  });
  const open = stands.filter(({ standing }) => standing !== 'confirmed' && standing !== 'waiting');
  const devices = plainTable(['device', 'wave', '', 'reason']);
  for (const { device, wave, standing, excused, reason = '' } of open.slice(0, LISTED)) {
    devices.push([device, wave, excused ? `${standing}, left out` : standing, reason]);
  }
  const more = open.length > LISTED ? `and ${open.length - LISTED} more: --json lists all\n` : '';
  const text = `${headline(rollout)}\n${rollout.release}\n${waves}\n`;
  return open.length === 0 ? text : `${text}${devices}\n${more}`;
}
