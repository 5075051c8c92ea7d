import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BeltsightError, parseConfig } from '@beltsight/sdk';
import { parseDocument, stringify } from 'yaml';
import { z } from 'zod';
import { toleranceSchema } from '../compare/comparison.js';
import { writeAtomically } from '../train/atomic.js';

const publicKey = z.string().regex(/^[0-9a-f]{64}$/, 'an Ed25519 public key: 64 hex digits');
const keyName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'use letters, digits, ".", "_" and "-"');
const level = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'use letters, digits, ".", "_" and "-"');

const keySchema = z.union([
  z.strictObject({ publicKey, file: z.string().min(1).describe('Encrypted key file; relative to the settings.') }),
  z.strictObject({
    publicKey,
    command: z
      .array(z.string().min(1))
      .min(1)
      .describe(
        'Program and arguments that read bytes on standard input and write their Ed25519 signature (64 bytes, raw or hex).',
      ),
  }),
  // The private half is somewhere else: on another person's machine.
  z.strictObject({ publicKey }),
]);
export type KeySettings = z.infer<typeof keySchema>;

const roleSchema = z
  .strictObject({
    keys: z.array(keyName).min(1).describe('Names of the keys that may sign.'),
    threshold: z.int().min(1).default(1).describe('How many of them must.'),
    expiryDays: z.number().positive().max(3650).describe('For how long a signature holds.'),
  })
  .refine(({ keys, threshold }) => new Set(keys).size >= threshold, 'the threshold is higher than there are keys');

const scopedRoleSchema = roleSchema.safeExtend({
  site: level,
  line: level.optional().describe('Default: all lines of the site.'),
});

/** Who may sign what: `release.yaml`, the declaration that published metadata follow. */
const settingsSchema = z
  .strictObject({
    schema: z.literal('beltsight.release-settings/1'),
    keys: z.record(keyName, keySchema),
    roles: z.strictObject({ root: roleSchema, targets: roleSchema, snapshot: roleSchema, timestamp: roleSchema }),
    scopes: z
      .array(scopedRoleSchema)
      .default([])
      .describe('Sites and lines whose releases are signed by keys of their own.'),
    tolerance: toleranceSchema
      .default(toleranceSchema.parse({}))
      .describe('By how much a model may be worse than the one it was trained from.'),
  })
  .superRefine(({ keys, roles, scopes }, context) => {
    const users = [...Object.entries(roles), ...scopes.map((scope, i) => [`scopes.${i}`, scope] as const)];
    for (const [place, role] of users) {
      for (const name of role.keys.filter((key) => !(key in keys)))
        context.addIssue({ code: 'custom', message: `${place} names key "${name}", which is not among keys` });
    }
  });
export type Settings = z.infer<typeof settingsSchema>;
export type TopRole = keyof Settings['roles'];

const FILE = 'release.yaml';

/** @throws BeltsightError CONFIG_INVALID */
export async function readSettings(folder: string): Promise<Settings> {
  const file = join(folder, FILE);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new BeltsightError('CONFIG_INVALID', `${file} cannot be read: make one with beltsight release init.`, {
      cause,
    });
  }
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) throw new BeltsightError('CONFIG_INVALID', `${file} is no YAML: ${error.message}`, { cause: error });
  return parseConfig(settingsSchema, document.toJS(), file);
}

/** @throws BeltsightError CONFIG_INVALID, IO_FAILED */
export async function writeSettings(folder: string, settings: Settings): Promise<void> {
  const file = join(folder, FILE);
  const checked = parseConfig(settingsSchema, settings, file);
  await writeAtomically(file, `# Who may sign what. beltsight release publish follows it.\n${stringify(checked)}`);
}
