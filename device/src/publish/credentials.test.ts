import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Authority, type Pair } from '../../../test/support/certificates.js';
import { waitFor } from '../../../test/support/patience.js';
import { brokerSchema, withPaths } from './broker-schema.js';
import { Credentials } from './credentials.js';

let folder: string;
let authority: Authority;
let own: Pair;
const closers: (() => void)[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-credentials-'));
  authority = await Authority.create(join(folder, 'ca'));
  own = await authority.issue('own', { passphrase: 'sesame' });
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const of = (keys: object, environment = {}) =>
  new Credentials(brokerSchema.parse({ url: 'mqtts://broker', ...keys }), environment);
const file = async (name: string, text: string) => {
  await writeFile(join(folder, name), text);
  return join(folder, name);
};

describe('Credentials', () => {
  it('come from files, the environment, or the configuration', async () => {
    const usernameFile = await file('user', 'device1\r\nand a comment\n');
    expect(await of({ usernameFile, passwordEnv: 'SECRET' }, { SECRET: 's' }).read()).toMatchObject({
      username: 'device1',
      password: 's',
    });
    expect(await of({ username: 'me' }).read()).toMatchObject({ username: 'me' });
    expect(await of({}).read()).not.toHaveProperty('username');
  });

  it('hand TLS to sockets and WebSockets alike', async () => {
    const { caFile } = authority;
    const keyPassphraseFile = await file('passphrase', 'sesame\n');
    const keys = { caFile, ...own, keyPassphraseFile, serverName: 'broker.plant', alpn: ['mqtt'] };
    const tls = {
      ca: await readFile(caFile, 'utf8'),
      cert: await readFile(own.certFile, 'utf8'),
      key: await readFile(own.keyFile, 'utf8'),
      passphrase: 'sesame',
      servername: 'broker.plant',
      ALPNProtocols: ['mqtt'],
    };
    expect(await of(keys).read()).toEqual({ ...tls, wsOptions: tls });
  });

  it.each([
    [
      'a file that is not there',
      () => ({ passwordFile: '/no/such' }),
      /broker\.passwordFile: \/no\/such cannot be read/,
    ],
    ['a variable that is not set', () => ({ passwordEnv: 'NONE' }), /broker\.passwordEnv: .* NONE is not set/],
    [
      'an authority that is none',
      async () => ({ caFile: await file('nonsense.pem', 'nonsense') }),
      /broker\.caFile: is no certi/,
    ],
    [
      'a certificate that is none',
      async () => ({ ...own, certFile: await file('c', '') }),
      /broker\.certFile: is no cert/,
    ],
    [
      'a key without its passphrase',
      () => own,
      /broker\.keyFile: cannot be used with certFile .* needs keyPassphraseFile/,
    ],
    [
      'a key of another certificate',
      async () => ({ ...own, keyFile: (await authority.issue('other')).keyFile }),
      /broker\.keyFile: .* must belong together/,
    ],
  ])('name the key of %s', async (_, keys, message) => {
    await expect(of(await keys()).read()).rejects.toMatchObject({ code: 'CONFIG_INVALID', message });
  });

  it('tell of files that changed once they stand still and are sound, until they are read again', async () => {
    const pair = await authority.issue('watched');
    const credentials = of(pair);
    await credentials.read();
    let renewed = 0;
    const refused: string[] = [];
    closers.push(
      credentials.watch(
        () => {
          renewed++;
          void credentials.read();
        },
        ({ message }) => refused.push(message),
        10,
      ),
    );
    const sound = await readFile(pair.certFile, 'utf8');
    await file('ca/watched.pem', sound.slice(0, 100));
    await waitFor(() => expect(refused).toHaveLength(1));
    expect(refused[0]).toMatch(/broker\.certFile: is no certificate/);
    expect(renewed).toBe(0);
    await authority.issue('watched');
    await waitFor(() => expect(renewed).toBeGreaterThan(0));
  });

  it('know when the certificate ends', async () => {
    const { certFile, keyFile } = await authority.issue('past', { expired: true });
    expect((await of({ certFile, keyFile }).expiry())?.toISOString()).toMatch(/^2020-02-01/);
    expect(await of({}).expiry()).toBeUndefined();
  });
});

describe('the broker section', () => {
  it.each([
    [{ url: 'mqtt://b', caFile: 'x' }, 'caFile', /mqtts:\/\/ and wss:\/\/ only/],
    [{ certFile: 'x' }, 'keyFile', /is missing/],
    [{ keyFile: 'x' }, 'certFile', /is missing/],
    [{ keyPassphraseFile: 'x' }, 'keyPassphraseFile', /keyFile, which is missing/],
    [{ username: 'a', usernameEnv: 'B' }, 'usernameEnv', /not together with username/],
    [{ passwordFile: 'a', passwordEnv: 'B' }, 'passwordEnv', /not together with passwordFile/],
    [{ passwordEnv: 'my secret' }, 'passwordEnv', /name of an environment variable/],
  ])('%j is an error at %s', (keys, key, message) => {
    const result = brokerSchema.safeParse({ url: 'mqtts://b', ...keys });
    expect(result.error?.issues).toEqual([
      expect.objectContaining({ path: [key], message: expect.stringMatching(message) }),
    ]);
  });

  it('counts paths from the folder of the configuration', () => {
    const broker = brokerSchema.parse({ url: 'mqtts://b', caFile: 'ca.pem', passwordFile: 'p' });
    expect(withPaths(broker, (path) => `/etc/${path}`)).toEqual({
      ...broker,
      caFile: '/etc/ca.pem',
      passwordFile: '/etc/p',
    });
  });

  it('is documented, key by key', async () => {
    const page = await readFile(new URL('../../../docs/broker.md', import.meta.url), 'utf8');
    for (const key of Object.keys(brokerSchema.shape)) expect(page).toContain(`| \`${key}\` |`);
  });
});
