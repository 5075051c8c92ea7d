import { rm } from 'node:fs/promises';
import { BeltsightError } from '@beltsight/sdk';
import { Metadata, MetaFile, type Root, Snapshot, type Targets, Timestamp } from '@tufjs/models';
import { digestOf, encodeMetadata, type Published } from './repository.js';
import { expiryOf, SPEC_VERSION } from './roles.js';
import { signRoot } from './signing/root.js';
import { type Signing, signAs } from './signing/signature.js';
import { signTargets } from './signing/targets.js';
import { toStderr, type Warn } from './warn.js';

export interface PublishOptions extends Omit<Signing, 'warn'> {
  /** Default: standard error. */
  readonly warn?: Warn;
}

/** What a publishing did, by role: the version that is now valid. */
export type Publication = Readonly<Record<string, number>>;

/**
 * Makes the repository follow settings and stage: signs a new root where keys or thresholds changed, targets of every role that changed
 * or expires soon, then snapshot and timestamp. Nothing that is served is written before all is signed. Then files are added, and `timestamp.json` is
 * exchanged last, so that a client at any moment sees the old state or the new, and a publishing that was interrupted is simply done again.
 * Clients fetch a new root before all else (TUF specification, 5.3), so it comes just before the timestamp: where it trusts other keys, a
 * client that looks between these two refuses what the old ones have signed, keeps what it has, and is right again at its next look.
 *
 * A key that is not here must not make devices believe that an old state is hidden from them: what expires soon, and cannot be renewed, stays with a
 * warning until it expires; and where a change cannot be signed, snapshot and timestamp are renewed over what is published before it fails.
 * @throws BeltsightError RELEASE_UNSIGNED naming the keys that are missing, KEY_INVALID, RELEASE_INVALID, IO_FAILED, COMMAND_BUSY if somebody
 *   else has published meanwhile
 */
export async function publish({ warn = toStderr, ...given }: PublishOptions): Promise<Publication> {
  const options = { ...given, warn };
  const { workspace } = options;
  const { repository } = workspace;
  const present = await repository.root();
  const published = await repository.read();
  const staged = await workspace.staged();
  const before = new Map([...(published?.retired ?? []), ...(published?.targets ?? [])]);
  let root: Metadata<Root>;
  let targets: ReadonlyMap<string, Metadata<Targets>>;
  try {
    root = await signRoot(options, present);
    targets = await signTargets(options, root, before, staged);
  } catch (problem) {
    if (published) await keepFresh(options, published, before);
    throw problem;
  }
  const state = await signState(options, root, published, new Map([...before, ...targets]));
  await requireUnmoved(options, published);
  for (const [path, content] of staged) if (content) await repository.writeTarget(path, content);
  for (const [role, metadata] of targets)
    if (metadata !== before.get(role)) await repository.writeMetadata(role, metadata);
  await repository.writeMetadata('snapshot', state.snapshot);
  if (root !== present) await repository.writeMetadata('root', root);
  await repository.writeMetadata('timestamp', state.timestamp);
  if (root !== present) await rm(workspace.pendingRoot, { force: true });
  await workspace.unstage(staged.keys());
  const versions = [...targets, ['snapshot', state.snapshot] as const, ['timestamp', state.timestamp] as const];
  return {
    root: root.signed.version,
    ...Object.fromEntries(versions.map(([role, metadata]) => [role, metadata.signed.version])),
  };
}

/** Renews snapshot and timestamp over what is published. Never rejects: whatever keeps it from that, there is something worse to tell. */
async function keepFresh(
  options: Signing,
  published: Published,
  before: ReadonlyMap<string, Metadata<Targets>>,
): Promise<void> {
  const { repository } = options.workspace;
  try {
    const { snapshot, timestamp } = await signState(options, published.root, published, before);
    await requireUnmoved(options, published);
    await repository.writeMetadata('snapshot', snapshot);
    await repository.writeMetadata('timestamp', timestamp);
    options.warn('Snapshot and timestamp were renewed over what was published before; nothing new is visible.');
  } catch (error) {
    options.warn(`What was published before is not renewed either: ${(error as Error).message}`);
  }
}

/** Snapshot and timestamp that say: these targets are the present state. */
async function signState(
  { settings, signers, now }: Signing,
  root: Metadata<Root>,
  published: Published | undefined,
  targets: ReadonlyMap<string, Metadata<Targets>>,
): Promise<Pick<Published, 'snapshot' | 'timestamp'>> {
  const { roles } = settings;
  const snapshot = new Metadata(
    new Snapshot({
      version: (published?.snapshot.signed.version ?? 0) + 1,
      specVersion: SPEC_VERSION,
      expires: expiryOf(now, roles.snapshot.expiryDays),
      meta: Object.fromEntries([...targets].map(([role, metadata]) => [`${role}.json`, metaFileOf(metadata)])),
    }),
  );
  await signAs(signers, roles.snapshot, 'snapshot', root, snapshot);
  const timestamp = new Metadata(
    new Timestamp({
      version: (published?.timestamp.signed.version ?? 0) + 1,
      specVersion: SPEC_VERSION,
      expires: expiryOf(now, roles.timestamp.expiryDays),
      snapshotMeta: metaFileOf(snapshot),
    }),
  );
  await signAs(signers, roles.timestamp, 'timestamp', root, timestamp);
  return { snapshot, timestamp };
}

/** Signing takes as long as people look for their keys; two that began with the same state would write different files of one version. */
async function requireUnmoved({ workspace }: Signing, published: Published | undefined) {
  const there = await workspace.repository.timestamp();
  if (there?.signed.version === published?.timestamp.signed.version) return;
  throw new BeltsightError(
    'COMMAND_BUSY',
    'Somebody else has published meanwhile, and nothing was written: publish again.',
  );
}

function metaFileOf(metadata: Metadata<Targets> | Metadata<Snapshot>): MetaFile {
  const bytes = encodeMetadata(metadata);
  return new MetaFile({ version: metadata.signed.version, length: bytes.length, hashes: { sha256: digestOf(bytes) } });
}
