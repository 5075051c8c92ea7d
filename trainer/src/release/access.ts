import { createHash, timingSafeEqual } from 'node:crypto';
import { parseConfig } from '@beltsight/sdk';
import { scopePath, scopeRole, scopesOf } from '@beltsight/sdk/release';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { textOf } from '../config-file.js';

const level = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/);

/** Who may read a repository: a file of `beltsight release serve --access`. */
const accessSchema = z.strictObject({
  devices: z.array(
    z.strictObject({
      name: z.string().min(1),
      tokenSha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/, 'SHA-256 of the token in hex: printf %s TOKEN | sha256sum')
        .describe('The token itself is known to the device alone.'),
      site: level,
      line: level,
    }),
  ),
});
export type Access = z.infer<typeof accessSchema>;
export type Reader = Access['devices'][number];

/** @throws BeltsightError CONFIG_INVALID */
export async function readAccess(file: string): Promise<Access> {
  return parseConfig(accessSchema, parseDocument(await textOf(file)).toJS(), file);
}

/** The device that a bearer token belongs to. */
export function readerOf(access: Access, authorization: string | undefined): Reader | undefined {
  const token = /^Bearer ([\x21-\x7e]{16,512})$/.exec(authorization ?? '')?.[1];
  if (token === undefined) return undefined;
  const digest = createHash('sha256').update(token).digest();
  return access.devices.find(({ tokenSha256 }) => timingSafeEqual(digest, Buffer.from(tokenSha256, 'hex')));
}

/**
 * Whether a device may read a path of the repository: what is signed for all, and what is signed for its own site and line. Blobs are named by
 * what is in them: who knows the name has read the release.
 * @param path decoded, without a leading slash
 */
export function mayRead(reader: Pick<Reader, 'site' | 'line'>, path: string): boolean {
  if (/^blobs\/[0-9a-f]{64}$/.test(path)) return true;
  const scopes = scopesOf(reader);
  const role = /^metadata\/(?:\d+\.)?([^/]+)\.json$/.exec(path)?.[1];
  if (role !== undefined) return ['root', 'snapshot', 'timestamp', ...scopes.map(scopeRole)].includes(role);
  const folder = /^targets\/(?:releases|channels)\/(.+)\/[^/]+$/.exec(path)?.[1];
  return folder !== undefined && scopes.map(scopePath).includes(folder);
}
