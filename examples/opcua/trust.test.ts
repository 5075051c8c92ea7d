import { copyFile, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OPCUACertificateManager, StatusCodes } from 'node-opcua';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FolderTrust } from './trust.js';

let folder: string;
let trust: FolderTrust;
let rejected: string;
let trusted: string;
let certificate: Buffer;
const closers: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-trust-'));
  closers.push(() => rm(folder, { recursive: true }));
  const client = new OPCUACertificateManager({ rootFolder: join(folder, 'client'), disableFileWatchers: true });
  closers.push(() => client.dispose());
  await client.initialize();
  const outputFile = join(folder, 'client.pem');
  const subject = { applicationUri: 'urn:client', subject: 'CN=client', dns: [], startDate: new Date(), validity: 1 };
  await client.createSelfSignedCertificate({ ...subject, outputFile });
  certificate = Buffer.from((await readFile(outputFile, 'ascii')).replace(/-----.*-----/g, ''), 'base64');
  trust = new FolderTrust(join(folder, 'server'));
  closers.push(() => trust.dispose());
  await trust.initialize();
  rejected = trust.rejectedFolder;
  trusted = trust.trustedFolder;
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

it('lays an unknown certificate aside, and trusts it as soon as it is moved', async () => {
  expect(await trust.checkCertificate(certificate)).toBe(StatusCodes.BadCertificateUntrusted);
  const [name] = (await readdir(rejected)) as [string];
  await rename(join(rejected, name), join(trusted, name));
  expect(await trust.checkCertificate(certificate)).toBe(StatusCodes.Good);
  expect(await readdir(rejected)).toEqual([]);
  await rm(join(trusted, name));
  expect(await trust.checkCertificate(certificate)).toBe(StatusCodes.BadCertificateUntrusted);
});

it('does not put it back for a client that tries again and again', async () => {
  await trust.checkCertificate(certificate);
  const [name] = (await readdir(rejected)) as [string];
  const tries = Array.from({ length: 20 }, () => trust.checkCertificate(certificate));
  await Promise.all([rename(join(rejected, name), join(trusted, name)), ...tries]);
  expect(await trust.checkCertificate(certificate)).toBe(StatusCodes.Good);
  expect(await readdir(trusted)).toEqual([name]);
});

it('keeps the newest of the certificates laid aside', async () => {
  await trust.checkCertificate(certificate);
  const [name] = (await readdir(rejected)) as [string];
  for (let n = 0; n < 100; n++) {
    const path = join(rejected, `older-${n}.pem`);
    await copyFile(join(rejected, name), path);
    await utimes(path, n, n);
  }
  await writeFile(join(trusted, 'note.txt'), 'no certificate');
  expect(await trust.checkCertificate(certificate)).toBe(StatusCodes.BadCertificateUntrusted);
  const names = await readdir(rejected);
  expect(names).toHaveLength(100);
  expect(names).toContain(name);
  expect(names).not.toContain('older-0.pem');
});
