import { isDeepStrictEqual } from 'node:util';
import { scopePatterns, scopeRole } from '@beltsight/sdk/release';
import { Metadata, Root, Targets } from '@tufjs/models';
import type { Settings, TopRole } from './settings.js';
import { tufKey } from './signers.js';

/** Version of the TUF specification that metadata follow. */
export const SPEC_VERSION = '1.0.31';

const DAY_MS = 86_400_000;
/** Metadata with less than this share of their time left are signed anew. */
const RENEWAL_SHARE = 1 / 3;

/** When something signed now expires, as TUF writes it: without fractions of a second. */
export function expiryOf(now: Date, days: number): string {
  return `${new Date(now.getTime() + days * DAY_MS).toISOString().slice(0, 19)}Z`;
}

export function expiresSoon(expires: string, now: Date, days: number): boolean {
  return new Date(expires).getTime() - now.getTime() < days * DAY_MS * RENEWAL_SHARE;
}

/** The roles that sign targets, with their settings. */
export function rolesOf({ roles, scopes }: Settings): ReadonlyMap<string, Settings['roles']['targets']> {
  return new Map([['targets', roles.targets], ...scopes.map((scope) => [scopeRole(scope), scope] as const)]);
}

const TOP_ROLES: readonly TopRole[] = ['root', 'targets', 'snapshot', 'timestamp'];

/** The root that settings describe. */
export function rootOf({ keys, roles }: Settings, version: number, expires: string): Metadata<Root> {
  const form = { keys: {} as Record<string, object>, roles: {} as Record<string, object> };
  for (const role of TOP_ROLES) {
    const used = roles[role].keys.map((name) => tufKey((keys[name] as { publicKey: string }).publicKey));
    for (const key of used) form.keys[key.keyID] = key.toJSON();
    form.roles[role] = { keyids: used.map(({ keyID }) => keyID), threshold: roles[role].threshold };
  }
  const signed = { _type: 'root', version, spec_version: SPEC_VERSION, expires, consistent_snapshot: true, ...form };
  return new Metadata(Root.fromJSON(signed as Parameters<typeof Root.fromJSON>[0]));
}

/** Whether two roots trust the same keys for the same roles. */
export function sameTrust(a: Metadata<Root>, b: Metadata<Root>): boolean {
  const trust = ({ signed }: Metadata<Root>) => {
    const { keys, roles } = signed.toJSON() as { keys: object; roles: object };
    return { keys, roles };
  };
  return isDeepStrictEqual(trust(a), trust(b));
}

/** Targets metadata of one role; those of `targets` delegate to the scopes of the settings. */
export function targetsOf(
  settings: Settings,
  role: string,
  version: number,
  expires: string,
  targets: Targets['targets'],
): Metadata<Targets> {
  const entries = Object.entries(targets).sort(([a], [b]) => (a < b ? -1 : 1));
  const signed = {
    _type: 'targets',
    version,
    spec_version: SPEC_VERSION,
    expires,
    targets: Object.fromEntries(entries.map(([path, target]) => [path, target.toJSON()])),
    ...(role === 'targets' && settings.scopes.length > 0 ? { delegations: delegationsOf(settings) } : {}),
  };
  return new Metadata(Targets.fromJSON(signed as Parameters<typeof Targets.fromJSON>[0]));
}

/** A scope's role signs for its own paths and no others; nobody else is asked for them. */
function delegationsOf({ keys, scopes }: Settings) {
  const used: Record<string, object> = {};
  const roles = scopes.map((scope) => {
    const tufKeys = scope.keys.map((name) => tufKey((keys[name] as { publicKey: string }).publicKey));
    for (const key of tufKeys) used[key.keyID] = key.toJSON();
    return {
      name: scopeRole(scope),
      keyids: tufKeys.map(({ keyID }) => keyID),
      threshold: scope.threshold,
      terminating: true,
      paths: scopePatterns(scope),
    };
  });
  return { keys: used, roles };
}
