import { z } from 'zod';
import { type Answer, silence } from '../command.js';
import { type Found, fault, none, ok, unreadable, warning } from '../finding.js';
import type { Machine } from '../machine.js';
import type { Subject } from './board.js';

/** A TensorRT engine and its timing cache take some 100 MiB, an update a second bundle beside the first. */
const [LITTLE_MB, TOO_LITTLE_MB] = [1024, 100];
const CLEAN = 'sudo apt clean && sudo journalctl --vacuum-size=100M';

/** Room on the disk that holds the bundle. */
export async function diskSpace({ machine, folder }: Subject): Promise<Found> {
  const answer = await machine.run('df', '-P', '-k', folder);
  const text = answer.state === 'ended' && answer.status === 0 ? answer.output : '';
  const [, device, kib = '', share, mount] = /^(\S.*?)\s+\d+\s+\d+\s+(-?\d{1,15})\s+(\d+)%\s+(\/.*)$/m.exec(text) ?? [];
  if (device === undefined) {
    const found = `${folder}: ${silence('df', answer)}`;
    return answer.state === 'missing' ? none(found) : warning(found, `df -P -k ${folder}`);
  }
  const free = Math.round(Number(kib) / 1024);
  const found = `${free} MiB free on ${mount} (${device}, ${share} % used)`;
  if (free < TOO_LITTLE_MB) return fault(found, CLEAN);
  return free < LITTLE_MB ? warning(found, CLEAN) : ok(found);
}

/** How much of its life each disk has used up, where it says so: eMMC and NVMe. */
export async function diskWear({ machine }: Subject): Promise<Found[]> {
  const blocks = await machine.list('/sys/block');
  const found = await Promise.all([
    ...blocks.filter((name) => /^mmcblk\d+$/.test(name)).map((name) => cardWear(machine, name)),
    ...blocks.filter((name) => /^nvme\d+n1$/.test(name)).map((name) => nvmeWear(machine, name.replace(/n1$/, ''))),
  ]);
  return found.length > 0 ? found : [none('no eMMC and no NVMe disk here')];
}

/**
 * JEDEC eMMC 5.1, extended CSD: DEVICE_LIFE_TIME_EST_TYP_A and _B count tenths of the life, 11: past its end; PRE_EOL_INFO says how
 * many spare blocks are used up, 1: under 80 %, 2: 80 %, 3: 90 %. 0 stands for "does not say".
 */
async function cardWear(machine: Machine, name: string): Promise<Found> {
  const folder = `/sys/block/${name}/device`;
  const [life, spare] = [await machine.read(`${folder}/life_time`), await machine.read(`${folder}/pre_eol_info`)];
  const label = [name, await machine.read(`${folder}/name`)].filter(Boolean).join(' ');
  if (life === undefined) return none(`${label} is a card that does not say`);
  const [, a, b] = /^(0x[0-9a-f]{1,2}) (0x[0-9a-f]{1,2})$/i.exec(life) ?? [];
  if (a === undefined || b === undefined) return unreadable(`${folder}/life_time`);
  const tenths = Math.max(Number(a), Number(b));
  const state = /^0x0?[0-3]$/.test(spare ?? '') ? Number(spare) : 0;
  if (tenths === 0 && state === 0) return none(`${label} does not say`);
  const used = tenths > 10 ? 'past the end of its life' : `${tenths * 10 - 10} to ${tenths * 10} % of its life used`;
  const spares = ['', '', ', 80 % of its spare blocks used', ', 90 % of its spare blocks used'][state];
  const text = `${label}, ${tenths === 0 ? 'life unknown' : used}${spares}`;
  return judge(text, { failing: tenths > 10 || state === 3, old: tenths >= 9 || state === 2 });
}

/** Critical warnings of NVMe that are of wear: spare blocks short, unreliable, read-only. */
const CRITICAL = 0b1101;
const smartSchema = z
  .object({ percent_used: z.number(), percentage_used: z.number(), critical_warning: z.number().catch(0) })
  .partial();

/** sysfs holds no wear of NVMe disks; nvme-cli does, for root. */
async function nvmeWear(machine: Machine, name: string): Promise<Found> {
  const label = [name, await machine.read(`/sys/class/nvme/${name}/model`)].filter(Boolean).join(' ');
  const answer = await machine.run('nvme', 'smart-log', `/dev/${name}`, '--output-format=json');
  const smart = smartLog(answer);
  const percent = smart?.percent_used ?? smart?.percentage_used;
  if (percent === undefined) {
    return none(`${label} does not say: ${silence('nvme', answer)} (by hand: sudo nvme smart-log /dev/${name})`);
  }
  const alarm = ((smart?.critical_warning ?? 0) & CRITICAL) !== 0;
  const text = `${label}, ${percent} % of its life used${alarm ? ', and it reports a fault' : ''}`;
  return judge(text, { failing: alarm || percent >= 100, old: percent >= 80 });
}

function smartLog(answer: Answer): z.infer<typeof smartSchema> | undefined {
  if (answer.state !== 'ended' || answer.status !== 0) return undefined;
  try {
    return smartSchema.safeParse(JSON.parse(answer.output)).data;
  } catch {
    return undefined;
  }
}

function judge(text: string, { failing, old }: { failing: boolean; old: boolean }): Found {
  if (failing) return fault(text, 'replace the disk now: it may stop taking writes at any time');
  return old ? warning(text, 'plan to replace the disk') : ok(text);
}
