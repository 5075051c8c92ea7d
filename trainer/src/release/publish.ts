import { readFile, rm } from 'node:fs/promises';
import { BeltsightError } from '@beltsight/sdk';
import { scopeRole } from '@beltsight/sdk/release';
import {
  Metadata,
  MetadataKind,
  MetaFile,
  type Root,
  Snapshot,
  TargetFile,
  type Targets,
  Timestamp,
} from '@tufjs/models';
import { writeAtomically } from '../train/atomic.js';
import { digestOf, encodeMetadata } from './repository.js';
import { expiresSoon, expiryOf, rootOf, SPEC_VERSION, sameTrust, targetsOf } from './roles.js';
import type { Settings } from './settings.js';
import { type Signers, tufKey } from './signers.js';
import type { Workspace } from './workspace.js';

export interface PublishOptions {
  readonly workspace: Workspace;
  readonly settings: Settings;
  readonly signers: Signers;
  readonly now: Date;
}

/** What a publishing did, by role: the version that is now valid. */
export type Publication = Readonly<Record<string, number>>;

/**
 * Makes the repository follow settings and stage: signs a new root where keys or thresholds changed, targets of every role that changed
 * or expires soon, then snapshot and timestamp. Nothing that is served is written before all is signed. Then files are added, and `timestamp.json` is
 * exchanged last, so that a client at any moment sees the old state or the new, and a publishing that was interrupted is simply done again.
 * Clients fetch a new root before all else (TUF specification, 5.3), so it comes just before the timestamp: where it trusts other keys, a
 * client that looks between these two refuses what the old ones have signed, keeps what it has, and is right again at its next look.
 * @throws BeltsightError RELEASE_UNSIGNED naming the keys that are missing, KEY_INVALID, RELEASE_INVALID, IO_FAILED
 */
export async function publish(options: PublishOptions): Promise<Publication> {
  const { workspace, signers, settings, now } = options;
  const { repository } = workspace;
  const present = await repository.root();
  const published = await repository.read();
  const root = await signRoot(options, present);
  const staged = await workspace.staged();
  const before = new Map([...(published?.retired ?? []), ...(published?.targets ?? [])]);
  const targets = await signTargets(options, root, before, staged);
  const snapshot = new Metadata(
    new Snapshot({
      version: (published?.snapshot.signed.version ?? 0) + 1,
      specVersion: SPEC_VERSION,
      expires: expiryOf(now, settings.roles.snapshot.expiryDays),
      meta: Object.fromEntries(
        [...before, ...targets].map(([role, metadata]) => [`${role}.json`, metaFileOf(metadata)]),
      ),
    }),
  );
  await signAs(signers, settings.roles.snapshot, 'snapshot', root, snapshot);
  const timestamp = new Metadata(
    new Timestamp({
      version: (published?.timestamp.signed.version ?? 0) + 1,
      specVersion: SPEC_VERSION,
      expires: expiryOf(now, settings.roles.timestamp.expiryDays),
      snapshotMeta: metaFileOf(snapshot),
    }),
  );
  await signAs(signers, settings.roles.timestamp, 'timestamp', root, timestamp);
  for (const [path, content] of staged) if (content) await repository.writeTarget(path, content);
  for (const [role, metadata] of targets)
    if (metadata !== before.get(role)) await repository.writeMetadata(role, metadata);
  await repository.writeMetadata('snapshot', snapshot);
  if (root !== present) await repository.writeMetadata('root', root);
  await repository.writeMetadata('timestamp', timestamp);
  if (root !== present) await rm(workspace.pendingRoot, { force: true });
  await workspace.unstage(staged.keys());
  const versions = [...targets, ['snapshot', snapshot] as const, ['timestamp', timestamp] as const];
  return {
    root: root.signed.version,
    ...Object.fromEntries(versions.map(([role, metadata]) => [role, metadata.signed.version])),
  };
}

/** The roles that sign targets, with their settings. */
export function rolesOf({ roles, scopes }: Settings): ReadonlyMap<string, Settings['roles']['targets']> {
  return new Map([['targets', roles.targets], ...scopes.map((scope) => [scopeRole(scope), scope] as const)]);
}

/**
 * The root that the settings ask for: the present one, or a new one that the keys of the old and of the new have signed. Its signatures are
 * kept until it is published: other keys may be missing yet, and those of the root are seldom at hand.
 */
async function signRoot(
  { workspace, settings, signers, now }: PublishOptions,
  present: Metadata<Root> | undefined,
): Promise<Metadata<Root>> {
  const { expiryDays } = settings.roles.root;
  const version = (present?.signed.version ?? 0) + 1;
  let wanted = rootOf(settings, version, expiryOf(now, expiryDays));
  if (present && sameTrust(present, wanted) && !expiresSoon(present.signed.expires, now, expiryDays)) return present;
  const pending = await pendingRoot(workspace.pendingRoot);
  // Signatures that others have added hold for exactly these bytes.
  if (pending && pending.signed.version === version && sameTrust(pending, wanted)) wanted = pending;
  const names = [...settings.roles.root.keys, ...(present ? namesOf(settings, present) : [])];
  const signed = await signers.sign(wanted, names);
  await writeAtomically(workspace.pendingRoot, encodeMetadata(wanted));
  try {
    wanted.verifyDelegate('root', wanted);
    present?.verifyDelegate('root', wanted);
  } catch {
    throw unsigned(
      'root',
      names,
      signed,
      ` What is signed so far lies in ${workspace.pendingRoot}: carry it to whoever has them, and publish again.`,
    );
  }
  return wanted;
}

async function pendingRoot(file: string): Promise<Metadata<Root> | undefined> {
  try {
    return Metadata.fromJSON(MetadataKind.Root, JSON.parse(await readFile(file, 'utf8')));
  } catch {
    // None, or one of an interrupted attempt: it is made anew.
    return undefined;
  }
}

/** Names in the settings of the keys that a root trusts for changing it. */
function namesOf({ keys }: Settings, root: Metadata<Root>): string[] {
  const trusted = root.signed.roles.root?.keyIDs ?? [];
  return Object.entries(keys).flatMap(([name, { publicKey }]) =>
    trusted.includes(tufKey(publicKey).keyID) ? [name] : [],
  );
}

/** Targets of every role in the settings: those of before where they hold and are as wanted, newly signed ones else. */
async function signTargets(
  { settings, signers, now }: PublishOptions,
  root: Metadata<Root>,
  before: ReadonlyMap<string, Metadata<Targets>>,
  staged: ReadonlyMap<string, Buffer | null>,
): Promise<ReadonlyMap<string, Metadata<Targets>>> {
  const signed = new Map<string, Metadata<Targets>>();
  const owners = ownersOf(settings, staged.keys());
  for (const [role, { keys, threshold, expiryDays }] of rolesOf(settings)) {
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
    const asBefore =
      present &&
      sameContent(present, wanted) &&
      isSignedFor(delegator, role, present) &&
      !expiresSoon(present.signed.expires, now, expiryDays);
    if (!asBefore) await signAs(signers, { keys, threshold }, role, delegator, wanted);
    signed.set(role, asBefore ? present : wanted);
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

async function signAs(
  signers: Signers,
  { keys }: { readonly keys: readonly string[]; readonly threshold: number },
  role: string,
  delegator: Metadata<Root> | Metadata<Targets>,
  metadata: Metadata<Targets> | Metadata<Snapshot> | Metadata<Timestamp>,
): Promise<void> {
  const signed = await signers.sign(metadata, keys);
  try {
    delegator.verifyDelegate(role, metadata);
  } catch {
    throw unsigned(role, keys, signed, '');
  }
}

function unsigned(role: string, keys: readonly string[], signed: readonly string[], more: string): BeltsightError {
  const missing = [...new Set(keys)].filter((name) => !signed.includes(name));
  return new BeltsightError(
    'RELEASE_UNSIGNED',
    `Role ${role} needs more signatures: ${missing.length > 0 ? `missing are those of ${missing.join(', ')} (key file or passphrase not here)` : 'the present root trusts other keys; list them under keys in release.yaml'}.${more}`,
  );
}

function targetFileOf(path: string, content: Buffer): TargetFile {
  return new TargetFile({ path, length: content.length, hashes: { sha256: digestOf(content) } });
}

function metaFileOf(metadata: Metadata<Targets> | Metadata<Snapshot>): MetaFile {
  const bytes = encodeMetadata(metadata);
  return new MetaFile({ version: metadata.signed.version, length: bytes.length, hashes: { sha256: digestOf(bytes) } });
}
