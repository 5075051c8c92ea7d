import { readFile } from 'node:fs/promises';
import { Metadata, MetadataKind, type Root } from '@tufjs/models';
import { writeAtomically } from '../../train/atomic.js';
import { encodeMetadata } from '../repository.js';
import { expiresSoon, expiryOf, rootOf, sameTrust } from '../roles.js';
import type { Settings } from '../settings.js';
import { tufKey } from '../signers.js';
import { renewed, type Signing, unsigned } from './signature.js';

/**
 * The root that the settings ask for: the present one, or a new one that the keys of the old and of the new have signed.
 * @throws BeltsightError RELEASE_UNSIGNED, KEY_INVALID
 */
export async function signRoot(options: Signing, present: Metadata<Root> | undefined): Promise<Metadata<Root>> {
  const { settings, now } = options;
  const { expiryDays } = settings.roles.root;
  const wanted = rootOf(settings, (present?.signed.version ?? 0) + 1, expiryOf(now, expiryDays));
  const sign = () => signedRoot(options, wanted, present);
  if (!present || !sameTrust(present, wanted)) return sign();
  return expiresSoon(present.signed.expires, now, expiryDays) ? renewed('root', present, sign, options) : present;
}

/** Its signatures are kept until it is published: other keys may be missing yet, and those of the root are seldom at hand. */
async function signedRoot(
  { workspace, settings, signers, now }: Signing,
  fresh: Metadata<Root>,
  present: Metadata<Root> | undefined,
): Promise<Metadata<Root>> {
  const pending = await pendingRoot(workspace.pendingRoot);
  // Signatures that others have added hold for exactly these bytes.
  const goesOn =
    pending &&
    pending.signed.version === fresh.signed.version &&
    sameTrust(pending, fresh) &&
    !expiresSoon(pending.signed.expires, now, settings.roles.root.expiryDays);
  const wanted = goesOn ? pending : fresh;
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
