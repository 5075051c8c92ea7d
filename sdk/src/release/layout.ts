import { BeltsightError } from '../errors.js';
import type { Release } from './release.js';

/** For whom releases are: a line, a whole site, or all devices. */
export interface Scope {
  readonly site?: string | undefined;
  /** Only with a site. */
  readonly line?: string | undefined;
}

/** Stands for all devices in paths; no site can have this name. */
const EVERYWHERE = '_';
const LEVEL = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/**
 * Folder of a scope in target paths: `_`, `<site>` or `<site>/<line>`.
 * @throws BeltsightError ARGUMENT_INVALID for a line without a site, or a name that no topic level can have
 */
export function scopePath({ site, line }: Scope): string {
  if (site === undefined && line === undefined) return EVERYWHERE;
  const levels = [site ?? '', ...(line === undefined ? [] : [line])];
  if (levels.every((level) => LEVEL.test(level))) return levels.join('/');
  throw new BeltsightError(
    'ARGUMENT_INVALID',
    `"${levels.join('/')}" is no site or site/line: use letters, digits, ".", "_" and "-".`,
  );
}

/** Name of the TUF role that signs for a scope: `targets` for all devices, `<site>` or `<site>~<line>` else. */
export function scopeRole(scope: Scope): string {
  return scope.site === undefined ? 'targets' : scopePath(scope).replace('/', '~');
}

/** The scopes a device belongs to, the narrowest first. */
export function scopesOf({ site, line }: { readonly site: string; readonly line: string }): readonly Scope[] {
  return [{ site, line }, { site }, {}];
}

/** Target path of a release. */
export function releasePath(scope: Scope, { name, version }: Pick<Release, 'name' | 'version'>): string {
  return `releases/${scopePath(scope)}/${name}-${version}.json`;
}

/** Target path of a channel. */
export function channelPath(scope: Scope, channel: string): string {
  return `channels/${scopePath(scope)}/${channel}.json`;
}

/** Glob patterns of all targets of a scope, as TUF delegates them (a `*` does not cross a slash). */
export function scopePatterns(scope: Scope): string[] {
  return ['releases', 'channels'].map((kind) => `${kind}/${scopePath(scope)}/*.json`);
}

/** Where a target lies below the root of a repository: with consistent snapshots its digest stands before its name (TUF specification, 6.2). */
export function targetFile(path: string, sha256: string): string {
  const parts = path.split('/');
  const name = parts.pop();
  return ['targets', ...parts, `${sha256}.${name}`].join('/');
}

/** Path of a blob below the root of a repository. */
export function blobPath(sha256: string): string {
  return `blobs/${sha256}`;
}
