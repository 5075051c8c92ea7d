import { copyFile, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { MANIFEST, openBundle } from '@beltsight/sdk/bundle';
import {
  blobPath,
  type Channel,
  channelPath,
  type Release,
  releasePath,
  releaseSchema,
  type Scope,
} from '@beltsight/sdk/release';
import { type Tolerance, toleranceSchema } from '../compare/comparison.js';
import { readCard } from '../export/card.js';
import { fileDigest } from '../file-digest.js';
import { writeFailed } from '../train/atomic.js';
import { objection, refuse } from './refusal.js';
import { digestOf } from './repository.js';
import { keepTrainingState } from './training-state.js';
import type { Workspace } from './workspace.js';

export interface AddOptions {
  readonly workspace: Workspace;
  readonly bundle: string;
  readonly name: string;
  readonly scope: Scope;
  readonly notes: string;
  readonly now: Date;
  /** By how much a model may be worse than the one it was trained from. */
  readonly tolerance?: Tolerance;
  /** Release it although it is worse, or was not compared. */
  readonly force?: boolean;
}

export interface Added {
  /** Target path of the release. */
  readonly path: string;
  readonly release: Release;
  /** Bytes that a device which has all earlier releases must fetch, and those of the whole bundle. */
  readonly newBytes: number;
  readonly totalBytes: number;
  /** Why it would have been refused without `force`. */
  readonly objection: string | undefined;
  /** Whether the workspace has what a later training goes on from. */
  readonly trainable: boolean;
}

/**
 * Stages a bundle as the next version of a name. Its files become blobs named by their SHA-256: what an earlier release has is not stored again.
 * Beside them the workspace keeps what the model can be trained further from.
 * @throws BeltsightError BUNDLE_* if the bundle is not sound, RELEASE_REFUSED if it is worse than the model it came from or was not compared
 * with it, ARGUMENT_INVALID, IO_FAILED
 */
export async function addBundle(options: AddOptions): Promise<Added> {
  const { workspace, bundle, name, scope, notes, now, force = false } = options;
  const read = (path: string) => readFile(join(bundle, path));
  const opened = await openBundle(read, (path) => fileDigest(join(bundle, path)));
  const { manifest } = opened;
  const card = await readCard(opened);
  const against = objection(card, options.tolerance ?? toleranceSchema.parse({}));
  if (against !== undefined && !force) refuse(against);
  const content = await read(MANIFEST);
  const files: Release['files'] = {
    ...manifest.files,
    [MANIFEST]: { sha256: digestOf(content), sizeBytes: content.length },
  };
  const version = (await latestVersion(workspace, scope, name)) + 1;
  const release = releaseSchema.safeParse({
    schema: 'beltsight.release/1',
    name,
    version,
    modelId: manifest.modelId,
    createdAt: now.toISOString(),
    notes,
    files,
  });
  if (!release.success) {
    const problems = release.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
    throw new BeltsightError('ARGUMENT_INVALID', `The release cannot be named so: ${problems}.`);
  }
  let newBytes = 0;
  let totalBytes = 0;
  for (const [path, { sha256, sizeBytes }] of Object.entries(files)) {
    totalBytes += sizeBytes;
    if (await storeBlob(join(bundle, path), join(workspace.repository.folder, blobPath(sha256)), sizeBytes))
      newBytes += sizeBytes;
  }
  const trainable = card.run !== undefined && (await keepTrainingState(workspace, card.run));
  const path = releasePath(scope, release.data);
  await workspace.stage(path, release.data);
  return { path, release: release.data, newBytes, totalBytes, objection: against, trainable };
}

/**
 * Stages that the devices of a scope shall run a release; null: keep what they have.
 * @throws BeltsightError ARGUMENT_INVALID if there is no such release
 */
export async function promote(
  workspace: Workspace,
  scope: Scope,
  channel: string,
  release: string | null,
  now: Date,
): Promise<void> {
  if (release !== null && !(await targetPaths(workspace)).has(release)) {
    throw new BeltsightError(
      'ARGUMENT_INVALID',
      `There is no release ${release}: beltsight release status lists them.`,
    );
  }
  const document: Channel = { schema: 'beltsight.channel/1', release, at: now.toISOString() };
  await workspace.stage(channelPath(scope, channel), document);
}

/**
 * Stages that a release is taken back: no device installs it any more. Channels that point to it let devices keep what they have.
 * @returns target paths of these channels
 * @throws BeltsightError ARGUMENT_INVALID if there is no such release
 */
export async function revoke(workspace: Workspace, release: string, now: Date): Promise<string[]> {
  const contents = await targetContents(workspace);
  if (!release.startsWith('releases/') || !contents.has(release)) {
    throw new BeltsightError(
      'ARGUMENT_INVALID',
      `There is no release ${release}: beltsight release status lists them.`,
    );
  }
  await workspace.stage(release, null);
  const pointing = [...contents].flatMap(([path, content]) => {
    const isChannel = path.startsWith('channels/') && (JSON.parse(content.toString()) as Channel).release === release;
    return isChannel ? [path] : [];
  });
  for (const path of pointing) {
    const kept: Channel = { schema: 'beltsight.channel/1', release: null, at: now.toISOString() };
    await workspace.stage(path, kept);
  }
  return pointing;
}

/** Every target there will be after the next publishing, with its content. */
export async function targetContents(workspace: Workspace): Promise<ReadonlyMap<string, Buffer>> {
  const { repository } = workspace;
  const contents = new Map<string, Buffer>();
  for (const { signed } of (await repository.read())?.targets.values() ?? []) {
    for (const [path, { hashes }] of Object.entries(signed.targets))
      contents.set(path, await repository.target(path, hashes.sha256 as string));
  }
  for (const [path, content] of await workspace.staged()) {
    if (content) contents.set(path, content);
    else contents.delete(path);
  }
  return contents;
}

async function targetPaths(workspace: Workspace): Promise<ReadonlySet<string>> {
  return new Set((await targetContents(workspace)).keys());
}

/** A revoked version is not given again: devices remember it as bad. */
async function latestVersion(workspace: Workspace, scope: Scope, name: string): Promise<number> {
  const published = await workspace.repository.read();
  const paths = [...(published?.targets.values() ?? [])].flatMap(({ signed }) => Object.keys(signed.targets));
  const stems = [...paths, ...(await workspace.staged()).keys(), ...(await workspace.everReleased())];
  const prefix = releasePath(scope, { name, version: 1 }).replace(/1\.json$/, '');
  const versions = stems.flatMap((path) => {
    const number = path.startsWith(prefix) ? /^(\d+)\.json$/.exec(path.slice(prefix.length))?.[1] : undefined;
    return number === undefined ? [] : [Number(number)];
  });
  return Math.max(0, ...versions);
}

/** @returns whether the blob is new */
async function storeBlob(from: string, to: string, sizeBytes: number): Promise<boolean> {
  const there = await stat(to).catch(() => undefined);
  if (there?.size === sizeBytes) return false;
  const part = `${to}.part`;
  try {
    await mkdir(dirname(to), { recursive: true });
    await copyFile(from, part);
    // The timestamp that makes it visible is flushed, too: it must not outlive what it names.
    const handle = await open(part, 'r');
    await handle.sync().finally(() => handle.close());
    await rename(part, to);
    return true;
  } catch (cause) {
    await rm(part, { force: true }).catch(() => undefined);
    throw writeFailed(to, cause);
  }
}
