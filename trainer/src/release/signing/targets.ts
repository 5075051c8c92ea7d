import { scopeRole } from '@beltsight/sdk/release';
import { type Metadata, type Root, TargetFile, type Targets } from '@tufjs/models';
import { digestOf } from '../repository.js';
import { expiresSoon, expiryOf, rolesOf, targetsOf } from '../roles.js';
import type { Settings } from '../settings.js';
import { renewed, type Signing, signAs } from './signature.js';

/**
 * Targets of every role in the settings: those of before where they hold and are as wanted, newly signed ones else.
 * @throws BeltsightError RELEASE_UNSIGNED, KEY_INVALID
 */
export async function signTargets(
  options: Signing,
  root: Metadata<Root>,
  before: ReadonlyMap<string, Metadata<Targets>>,
  staged: ReadonlyMap<string, Buffer | null>,
): Promise<ReadonlyMap<string, Metadata<Targets>>> {
  const { settings, signers, now } = options;
  const signed = new Map<string, Metadata<Targets>>();
  const owners = ownersOf(settings, staged.keys());
  for (const [role, { keys, expiryDays }] of rolesOf(settings)) {
    const present = before.get(role);
    const targets = { ...present?.signed.targets };
    for (const [path, content] of staged) {
      if (owners.get(path) !== role) continue;
      if (content) targets[path] = targetFileOf(path, content);
      else delete targets[path];
    }
    const version = (present?.signed.version ?? 0) + 1;
    const wanted = targetsOf(settings, role, version, expiryOf(now, expiryDays), targets);
    const delegator = role === 'targets' ? root : (signed.get('targets') as Metadata<Targets>);
    const sign = () => signAs(signers, { keys }, role, delegator, wanted).then(() => wanted);
    const isAsBefore = present && sameContent(present, wanted) && isSignedFor(delegator, role, present);
    if (!isAsBefore) signed.set(role, await sign());
    else if (!expiresSoon(present.signed.expires, now, expiryDays)) signed.set(role, present);
    else signed.set(role, await renewed(role, present, sign, options));
  }
  return signed;
}

/** Which role signs for each path. */
function ownersOf(settings: Settings, paths: Iterable<string>): ReadonlyMap<string, string> {
  const folders = new Map(settings.scopes.map((scope) => [scopeRole(scope).replace('~', '/'), scopeRole(scope)]));
  const ownerOf = (path: string) => folders.get(path.split('/').slice(1, -1).join('/')) ?? 'targets';
  return new Map([...paths].map((path) => [path, ownerOf(path)]));
}

function sameContent(a: Metadata<Targets>, b: Metadata<Targets>): boolean {
  const content = ({ signed }: Metadata<Targets>) => {
    const { version: _, expires: __, ...rest } = signed.toJSON() as Record<string, unknown>;
    return JSON.stringify(rest);
  };
  return content(a) === content(b);
}

function isSignedFor(
  delegator: Metadata<Root> | Metadata<Targets>,
  role: string,
  metadata: Metadata<Targets>,
): boolean {
  try {
    delegator.verifyDelegate(role, metadata);
    return true;
  } catch {
    return false;
  }
}

function targetFileOf(path: string, content: Buffer): TargetFile {
  return new TargetFile({ path, length: content.length, hashes: { sha256: digestOf(content) } });
}
