import { BeltsightError } from '@beltsight/sdk';
import { releasePath, type Scope } from '@beltsight/sdk/release';

/**
 * People write `bottles-3`, programs the whole path.
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
