import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authority, type Pair } from '../../../../test/support/certificates.js';
import { controllerBaseSchema } from './ddi.js';
import { hawkbitSchema } from './schema.js';
import { HawkbitServer } from './server.js';

let folder: string;
let url: string;
let device: Pair;
let authority: Authority;
const seen: { readonly name: string; readonly authorization: string | undefined }[] = [];
const closers: (() => void)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-hawkbit-'));
  authority = await Authority.create(join(folder, 'ca'));
  const { certFile, keyFile } = await authority.issue('hawkbit');
  device = await authority.issue('device1');
  await writeFile(join(folder, 'token'), 'bH7XXAprK1ChnLfKSdtlsp7NOlPnZAYY\n');
  const tls = { cert: await readFile(certFile), key: await readFile(keyFile), ca: await readFile(authority.caFile) };
  const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    const { subject } = (request.socket as TLSSocket).getPeerCertificate();
    seen.push({ name: String(subject?.CN ?? 'nobody'), authorization: request.headers.authorization });
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  for (const close of closers) close();
  await rm(folder, { recursive: true });
});

const ask = (options: object) =>
  new HawkbitServer(hawkbitSchema.parse({ url, ...options }), 'device1').session(
    new AbortController().signal,
    (session) => session.root(controllerBaseSchema),
  );

describe('a server with certificates', () => {
  it('is shown the certificate of the device, and the token of a gateway', async () => {
    const options = { caFile: authority.caFile, ...device, tokenFile: join(folder, 'token'), tokenKind: 'gateway' };
    await ask(options);
    expect(seen).toEqual([{ name: 'device1', authorization: 'GatewayToken bH7XXAprK1ChnLfKSdtlsp7NOlPnZAYY' }]);
  });

  it('of another authority is not told anything', async () => {
    seen.length = 0;
    await expect(ask({ tokenFile: join(folder, 'token') })).rejects.toMatchObject({ code: 'UPDATE_UNREACHABLE' });
    expect(seen).toEqual([]);
  });

  it('is not asked without the file that the configuration names', async () => {
    await expect(ask({ tokenFile: join(folder, 'absent') })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('update.hawkbit.tokenFile'),
    });
  });
});

describe('the configuration', () => {
  it.each([
    [{ url: 'hawkbit.example' }, 'must look like https://hawkbit.example'],
    [{ url: 'https://[' }, 'is no address'],
    [{ url: 'http://hawkbit.example', caFile: 'ca.pem' }, 'is for https:// only'],
    [{ url: 'https://hawkbit.example', certFile: 'device.pem' }, 'keyFile'],
    [{ url: 'https://hawkbit.example', keyFile: 'device.key' }, 'certFile'],
    [{ url: 'https://hawkbit.example', controllerId: '../device2' }, 'use letters, digits'],
  ])('%j is refused', (options, message) => {
    expect(() => hawkbitSchema.parse(options)).toThrow(message);
  });
});
