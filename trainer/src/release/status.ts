import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { blobPath, type Channel, channelSchema, type Release, releaseSchema } from '@beltsight/sdk/release';
import { targetContents } from './bundles.js';
import { rolesOf } from './publish.js';
import { expiresSoon } from './roles.js';
import { readSettings } from './settings.js';
import type { Workspace } from './workspace.js';

export interface ReleaseStatus {
  /** Signed metadata: version, when they expire, and whether publishing would renew them. */
  readonly roles: readonly { role: string; version: number; expires: string; due: boolean; expired: boolean }[];
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

/** What a workspace holds. */
export async function releaseStatus(workspace: Workspace, now: Date): Promise<ReleaseStatus> {
  const settings = await readSettings(workspace.folder);
  const published = await workspace.repository.read();
  const staged = await workspace.staged();
  const days = new Map([
    ...Object.entries(settings.roles).map(([role, { expiryDays }]) => [role, expiryDays] as const),
    ...[...rolesOf(settings)].map(([role, { expiryDays }]) => [role, expiryDays] as const),
  ]);
  const signed = published
    ? [
        ['root', published.root] as const,
        ...published.targets,
        ['snapshot', published.snapshot] as const,
        ['timestamp', published.timestamp] as const,
      ]
    : [];
  const roles = signed.map(([role, { signed }]) => ({
    role,
    version: signed.version,
    expires: signed.expires,
    due: expiresSoon(signed.expires, now, days.get(role) ?? 1),
    expired: new Date(signed.expires) <= now,
  }));
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

async function sizeOf(file: string): Promise<number | undefined> {
  return stat(file).then(
    ({ size }) => size,
    () => undefined,
  );
}
