import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { type Bundle, openBundle } from '@beltsight/sdk/bundle';
import { blobPath, releasePath, releaseSchema, type Scope } from '@beltsight/sdk/release';
import { targetContents } from './bundles.js';
import type { Workspace } from './workspace.js';

/**
 * Target path of a release: people write `bottles-3`, programs the whole path.
 * @throws BeltsightError ARGUMENT_INVALID
 */
export function targetPath(release: string, scope: Scope): string {
  if (release.startsWith('releases/')) return release;
  const [, name, version] = /^([A-Za-z0-9_.]+)-(\d+)$/.exec(release) ?? [];
  if (name !== undefined) return releasePath(scope, { name, version: Number(version) });
  throw new BeltsightError(
    'ARGUMENT_INVALID',
    `"${release}" is no release: write <name>-<version>, such as bottles-3.`,
  );
}

/**
 * The bundle of a release, out of the blobs of the repository.
 * @param path target path
 * @throws BeltsightError ARGUMENT_INVALID if there is no such release, BUNDLE_* if blobs are missing or damaged
 */
export async function releasedBundle(workspace: Workspace, path: string): Promise<Bundle> {
  const content = (await targetContents(workspace)).get(path);
  if (!content) {
    throw new BeltsightError(
      'ARGUMENT_INVALID',
      `${workspace.folder} has no release ${path}: beltsight release status lists them.`,
    );
  }
  const { files } = releaseSchema.parse(JSON.parse(content.toString()));
  return openBundle((file) => readFile(join(workspace.repository.folder, blobPath(files[file]?.sha256 ?? 'none'))));
}
