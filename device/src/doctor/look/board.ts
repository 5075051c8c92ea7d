import { silence } from '../command.js';
import { type Found, none, ok, unreadable, warning } from '../finding.js';
import type { Machine } from '../machine.js';

/** What kind of device this is: other looks judge by it. */
export interface Board {
  readonly model?: string;
  readonly jetson: boolean;
}

/** What a look is given. */
export interface Subject {
  readonly machine: Machine;
  readonly board: Board;
  /** The bundle's folder, or the one that the command was called in. */
  readonly folder: string;
}

const RELEASE = '/etc/nv_tegra_release';
const DMI = '/sys/class/dmi/id';

export async function boardOf(machine: Machine): Promise<Board> {
  const tree = await machine.read('/proc/device-tree/model');
  const compatible = await machine.read('/proc/device-tree/compatible');
  const release = await machine.read(RELEASE);
  const dmi = [await machine.read(`${DMI}/sys_vendor`), await machine.read(`${DMI}/product_name`)];
  const model = tree || dmi.filter(Boolean).join(' ');
  return {
    ...(model ? { model } : {}),
    jetson: release !== undefined || /nvidia,tegra/.test(compatible ?? '') || /\bjetson\b/i.test(tree ?? ''),
  };
}

export async function deviceModel({ board }: Subject): Promise<Found> {
  if (board.model !== undefined) return ok(board.model);
  return none(`cannot be read: neither /proc/device-tree/model nor ${DMI} is there`);
}

/** JetPack of each release of L4T, by its first number. */
const JETPACK: Readonly<Record<string, string>> = { 32: '4', 34: '5', 35: '5', 36: '6', 38: '7' };
/** The oldest L4T with a Linux that Node runs on. */
const OLDEST = 34;

/** JetPack and the release of L4T (Jetson Linux) below it. */
export async function jetPack({ machine, board }: Subject): Promise<Found> {
  if (!board.jetson) return none('no Jetson');
  const text = await machine.read(RELEASE);
  if (text === undefined) {
    return warning(`${RELEASE} is not there`, `in a container, add --volume ${RELEASE}:${RELEASE}:ro`);
  }
  const [, major, minor] = /^# R(\d+) \(release\), REVISION: (\d+(?:\.\d+)*)/m.exec(text) ?? [];
  if (major === undefined) return unreadable(RELEASE);
  const asked = await machine.run('dpkg-query', '-W', 'nvidia-jetpack');
  const version = asked.state === 'ended' ? /^nvidia-jetpack\t(\d[\w.+~-]*)$/m.exec(asked.output)?.[1] : undefined;
  const name = version ? `JetPack ${version}` : `JetPack ${JETPACK[major] ?? 'of unknown version'}`;
  const rest = version ? '' : `; package nvidia-jetpack: ${silence('dpkg-query', asked)}`;
  const found = `${name}, L4T ${major}.${minor}${rest}`;
  if (Number(major) >= OLDEST) return ok(found);
  return warning(`${found}, older than JetPack 5`, "flash a newer JetPack with NVIDIA's SDK Manager: sdkmanager --cli");
}
