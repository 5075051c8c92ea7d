import { access, chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { type Scope, scopePath, scopeRole } from '@beltsight/sdk/release';
import { toleranceSchema } from '../compare/comparison.js';
import { writeAtomically } from '../train/atomic.js';
import { makeKey } from './key-file.js';
import { readSettings, type Settings, type TopRole, writeSettings } from './settings.js';

/** Gives the passphrase that a new key shall have. */
export type NewPassphrase = (key: string) => Promise<string>;

/** Root and targets are signed by people now and then, the others by whatever publishes, every day. */
const EXPIRY_DAYS: Readonly<Record<TopRole, number>> = { root: 365, targets: 180, snapshot: 14, timestamp: 7 };

/**
 * Makes a workspace: four keys, one for each role, and settings. Move `root.key` off this machine afterwards.
 * @param workFactor of the key files; lower for tests alone
 * @throws BeltsightError ARGUMENT_INVALID if the folder is not empty
 */
export async function initWorkspace(folder: string, passphrase: NewPassphrase, workFactor?: number): Promise<void> {
  const held = await readdir(folder).catch(() => []);
  if (held.length > 0) {
    throw new BeltsightError('ARGUMENT_INVALID', `${folder} is not empty: choose another folder.`);
  }
  const keys: Settings['keys'] = {};
  const roles = {} as Settings['roles'];
  for (const role of ['root', 'targets', 'snapshot', 'timestamp'] as const) {
    keys[role] = await newKeyFile(folder, role, passphrase, workFactor);
    roles[role] = { keys: [role], threshold: 1, expiryDays: EXPIRY_DAYS[role] };
  }
  const tolerance = toleranceSchema.parse({});
  await writeSettings(folder, { schema: 'beltsight.release-settings/1', keys, roles, scopes: [], tolerance });
}

/**
 * Gives a site or line a key of its own, for releases that others neither sign nor install.
 * @returns name of the new key
 * @throws BeltsightError ARGUMENT_INVALID if it has one
 */
export async function addScope(
  folder: string,
  scope: Scope,
  passphrase: NewPassphrase,
  workFactor?: number,
): Promise<string> {
  const settings = await readSettings(folder);
  if (scope.site === undefined || settings.scopes.some((known) => scopePath(known) === scopePath(scope))) {
    throw new BeltsightError(
      'ARGUMENT_INVALID',
      `Scope ${scopePath(scope)} has its keys already: rotate replaces them.`,
    );
  }
  const name = scopeRole(scope).replace('~', '.');
  const key = await newKeyFile(folder, name, passphrase, workFactor);
  const { site, line } = scope;
  const added = {
    site,
    ...(line === undefined ? {} : { line }),
    keys: [name],
    threshold: 1,
    expiryDays: EXPIRY_DAYS.targets,
  };
  await writeSettings(folder, {
    ...settings,
    keys: { ...settings.keys, [name]: key },
    scopes: [...settings.scopes, added],
  });
  return name;
}

/**
 * Replaces a key by a new one in every role that it signs for. The old one stays listed, since a new root must be signed by it where it
 * signed for the root; nothing trusts it any more once that is published.
 * @returns name of the new key
 * @throws BeltsightError ARGUMENT_INVALID if there is no such key
 */
export async function rotateKey(
  folder: string,
  old: string,
  passphrase: NewPassphrase,
  workFactor?: number,
): Promise<string> {
  const settings = await readSettings(folder);
  if (!(old in settings.keys)) {
    const known = Object.keys(settings.keys).join(', ');
    throw new BeltsightError('ARGUMENT_INVALID', `There is no key "${old}"; there are ${known}.`);
  }
  const stem = old.replace(/_\d+$/, '');
  let number = 2;
  while (`${stem}_${number}` in settings.keys) number++;
  const name = `${stem}_${number}`;
  const key = await newKeyFile(folder, name, passphrase, workFactor);
  const replaced = <T extends { keys: string[] }>(role: T): T => ({
    ...role,
    keys: role.keys.map((each) => (each === old ? name : each)),
  });
  const { root, targets, snapshot, timestamp } = settings.roles;
  await writeSettings(folder, {
    ...settings,
    keys: { ...settings.keys, [name]: key },
    roles: {
      root: replaced(root),
      targets: replaced(targets),
      snapshot: replaced(snapshot),
      timestamp: replaced(timestamp),
    },
    scopes: settings.scopes.map(replaced),
  });
  return name;
}

async function newKeyFile(folder: string, name: string, passphrase: NewPassphrase, workFactor: number | undefined) {
  const file = join('keys', `${name}.key`);
  const path = join(folder, file);
  if (
    await access(path).then(
      () => true,
      () => false,
    )
  ) {
    throw new BeltsightError('ARGUMENT_INVALID', `${path} is there: a key is never overwritten.`);
  }
  const key = await makeKey(await passphrase(name), workFactor);
  await writeAtomically(path, key.file);
  await chmod(path, 0o600);
  return { publicKey: key.publicKey, file };
}
