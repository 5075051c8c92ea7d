import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { blobPath, type Channel, channelSchema, type Release, releaseSchema } from '@beltsight/sdk/release';
import { targetContents } from './bundles.js';
import { expiresSoon, rolesOf } from './roles.js';
import { readSettings, type Settings } from './settings.js';
import { isAtHand } from './signers.js';
import { toStderr } from './warn.js';
import type { Workspace } from './workspace.js';

/** Signed metadata of a role. */
interface RoleStatus {
  readonly role: string;
  readonly version: number;
  readonly expires: string;
  /** Publishing would renew them. */
  readonly due: boolean;
  readonly expired: boolean;
  /** Keys of which some must be brought here before they can be renewed; none where they are not due. */
  readonly absent: readonly string[];
}

export interface ReleaseStatus {
  readonly roles: readonly RoleStatus[];
  readonly releases: readonly {
    path: string;
    release: Release;
    published: boolean;
    sizeBytes: number;
    missing: number;
  }[];
  readonly channels: readonly { path: string; channel: Channel; published: boolean }[];
  /** Targets that the next publishing takes away. */
  readonly revoked: readonly string[];
}

/**
 * What a workspace holds.
 * @param warn hears which keys must be brought here, and until when
 */
export async function releaseStatus(workspace: Workspace, now: Date, warn = toStderr): Promise<ReleaseStatus> {
  const settings = await readSettings(workspace.folder);
  const published = await workspace.repository.read();
  const staged = await workspace.staged();
  const known = new Map([...Object.entries(settings.roles), ...rolesOf(settings)]);
  const signed = published
    ? [
        ['root', published.root] as const,
        ...published.targets,
        ['snapshot', published.snapshot] as const,
        ['timestamp', published.timestamp] as const,
      ]
    : [];
  const roles: RoleStatus[] = [];
  for (const [role, { signed: metadata }] of signed) {
    const { version, expires } = metadata;
    const asked = known.get(role);
    const due = expiresSoon(expires, now, asked?.expiryDays ?? 1);
    const absent = due && asked ? await absentKeys(workspace.folder, settings, asked) : [];
    roles.push({ role, version, expires, due, expired: new Date(expires) <= now, absent });
    if (absent.length > 0)
      warn(`Role ${role} expires ${expires}. Bring key ${absent.join(', ')} here before, and publish.`);
  }
  const releases: ReleaseStatus['releases'][number][] = [];
  const channels: ReleaseStatus['channels'][number][] = [];
  for (const [path, content] of await targetContents(workspace)) {
    const isPublished = !staged.has(path);
    const json: unknown = JSON.parse(content.toString());
    if (path.startsWith('channels/'))
      channels.push({ path, channel: channelSchema.parse(json), published: isPublished });
    else {
      const release = releaseSchema.parse(json);
      const files = Object.values(release.files);
      const sizes = await Promise.all(
        files.map(({ sha256 }) => sizeOf(join(workspace.repository.folder, blobPath(sha256)))),
      );
      releases.push({
        path,
        release,
        published: isPublished,
        sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
        missing: files.filter(({ sizeBytes }, i) => sizes[i] !== sizeBytes).length,
      });
    }
  }
  const revoked = [...staged].flatMap(([path, content]) => (content ? [] : [path]));
  return { roles, releases, channels, revoked };
}

/** Keys of a role that are not here, where the others are too few to sign. */
async function absentKeys(
  folder: string,
  { keys }: Settings,
  role: Settings['roles']['targets'],
): Promise<readonly string[]> {
  const absent: string[] = [];
  for (const name of role.keys) {
    const key = keys[name];
    if (key && !(await isAtHand(folder, key))) absent.push(name);
  }
  return role.keys.length - absent.length < role.threshold ? absent : [];
}

async function sizeOf(file: string): Promise<number | undefined> {
  return stat(file).then(
    ({ size }) => size,
    () => undefined,
  );
}
