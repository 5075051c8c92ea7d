import { BeltsightError } from '@beltsight/sdk';
import type { Metadata, Root, Targets } from '@tufjs/models';
import type { Settings } from '../settings.js';
import type { AnyMetadata, Signers } from '../signers.js';
import type { Warn } from '../warn.js';
import type { Workspace } from '../workspace.js';

/** Who may sign what, with which keys, and when. */
export interface Signing {
  readonly workspace: Workspace;
  readonly settings: Settings;
  readonly signers: Signers;
  readonly now: Date;
  /** Hears what was not signed, though it should soon be. */
  readonly warn: Warn;
}

/**
 * Signs as a role, with the keys that are at hand.
 * @throws BeltsightError RELEASE_UNSIGNED naming the keys that are missing, KEY_INVALID
 */
export async function signAs(
  signers: Signers,
  { keys }: { readonly keys: readonly string[] },
  role: string,
  delegator: Metadata<Root> | Metadata<Targets>,
  metadata: Exclude<AnyMetadata, Metadata<Root>>,
): Promise<void> {
  const signed = await signers.sign(metadata, keys);
  try {
    delegator.verifyDelegate(role, metadata);
  } catch {
    throw unsigned(role, keys, signed, '');
  }
}

/**
 * What `renew` gives. Where it fails, what is there goes on: it says what it should, and holds until it expires. Keys that are kept away from
 * this machine need not be here for years on end.
 * @throws what `renew` throws, if what is there has expired
 */
export async function renewed<T extends AnyMetadata>(
  role: string,
  present: T,
  renew: () => Promise<T>,
  { now, warn }: Signing,
): Promise<T> {
  try {
    return await renew();
  } catch (problem) {
    const { expires } = present.signed;
    if (new Date(expires) <= now) throw problem;
    warn(
      `Role ${role} is due, and was not renewed: from ${expires} on devices take nothing. ${(problem as Error).message}`,
    );
    return present;
  }
}

export function unsigned(
  role: string,
  keys: readonly string[],
  signed: readonly string[],
  more: string,
): BeltsightError {
  const missing = [...new Set(keys)].filter((name) => !signed.includes(name));
  return new BeltsightError(
    'RELEASE_UNSIGNED',
    `Role ${role} needs more signatures: ${missing.length > 0 ? `missing are those of ${missing.join(', ')} (key file or passphrase not here)` : 'the present root trusts other keys; list them under keys in release.yaml'}.${more}`,
  );
}
