import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Authority, type Pair } from '../support/certificates.js';
import { FaultyPath } from '../support/faulty-path.js';
import { type BrokerOptions, mosquittoPasswords, startMosquitto, startNats } from '../support/mosquitto.js';
import { Network } from '../support/network.js';
import { waitFor } from '../support/patience.js';
import { freePort, ROOT } from '../support/processes.js';
import { type BrokerSection, ReportingDevice, TOPICS, Witness } from '../support/reporting-device.js';

let folder: string;
let authority: Authority;
const closers: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-broker-'));
  authority = await Authority.create(join(folder, 'ca'));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function broker(options: BrokerOptions = {}, make = startMosquitto) {
  const started = await make({ verbose: true, ...options });
  closers.push(() => started.stop());
  return started;
}

async function device(section: BrokerSection) {
  const started = await ReportingDevice.open({ longestWaitSeconds: 0.5, ...section });
  closers.push(() => started.close());
  return started;
}

async function witness(...where: Parameters<typeof Witness.at>) {
  const started = await Witness.at(...where);
  closers.push(() => started.close());
  return started;
}

async function file(name: string, content: string) {
  await writeFile(join(folder, name), content);
  return join(folder, name);
}

async function pem(caFile: string, { certFile, keyFile }: Pair) {
  return { ca: await readFile(caFile), cert: await readFile(certFile), key: await readFile(keyFile) };
}

/** That what the device sends now arrives. */
async function delivers(from: ReportingDevice, to: Witness) {
  const sequence = from.send();
  await waitFor(() => expect(to.sequences, from.said).toContain(sequence));
}

/** That results which are sent all the time arrive. */
async function flows(to: Witness) {
  const before = to.sequences.length;
  await waitFor(() => expect(to.sequences.length).toBeGreaterThan(before + 10));
}

const LIBRARIES = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
/** Mosquitto's dynamic security: the one of Debian's access rules that also refuses subscriptions. Status may be sent. */
const RIGHTS = {
  defaultACLAccess: { publishClientSend: false, publishClientReceive: true, subscribe: false, unsubscribe: true },
  clients: [],
  groups: [{ groupname: 'anybody', roles: [{ rolename: 'device' }] }],
  roles: [
    {
      rolename: 'device',
      acls: [{ acltype: 'publishClientSend', topic: 'beltsight/1/s/l/d/status', priority: 0, allow: true }],
    },
  ],
  anonymousGroup: 'anybody',
};

describe('a device at a plain broker', () => {
  it.each([
    ['mosquitto, MQTT 5', startMosquitto, 'auto', /as reporter \(p5, c0/],
    ['mosquitto, MQTT 3.1.1', startMosquitto, '3.1.1', /as reporter \(p2, c1/],
    ['NATS, which speaks MQTT 3.1.1 only', startNats, 'auto', /./],
  ] as const)('reports to %s', async (_, make, version, log) => {
    const { port, log: brokerLog } = await broker({}, make);
    const url = `mqtt://127.0.0.1:${port}`;
    const seen = await witness(url);
    const reporting = await device({ url, version, clientId: 'reporter' });
    await waitFor(() => expect(seen.state).toBe('online'));
    await delivers(reporting, seen);
    await reporting.close();
    await waitFor(() => expect(seen.state).toBe('offline'));
    expect(brokerLog()).toMatch(log);
  });
});

describe('a device with a password', () => {
  it('takes user and password from files or the environment, and warns where they go unencrypted', async () => {
    const passwords = await mosquittoPasswords(folder, { device1: 'right one' });
    const { port } = await broker({ lines: ['allow_anonymous false', `password_file ${passwords}`] });
    const url = `mqtt://127.0.0.1:${port}`;
    const seen = await witness(url, { username: 'device1', password: 'right one' });
    const passwordFile = await file('password', 'wrong\n');
    const usernameFile = await file('user', 'device1\n');
    const reporting = await device({ url, usernameFile, passwordFile });
    await waitFor(() => expect(reporting.said).toMatch(/Not authorized\): check user name and password/));
    expect(reporting.said).toMatch(/password goes to the broker unencrypted/);
    expect(reporting.said).not.toMatch(/wrong/);
    await file('password', 'right one\n');
    await delivers(reporting, seen);
    await reporting.close();
    process.env.BELTSIGHT_TEST_PASSWORD = 'right one';
    const other = await device({ url, username: 'device1', passwordEnv: 'BELTSIGHT_TEST_PASSWORD' });
    await waitFor(() => expect(other.connected).toBe(true));
  });

  it('says which subscription and which message the broker refuses', async () => {
    const { port, log } = await broker({
      lines: [
        `plugin /usr/lib/${LIBRARIES}/mosquitto_dynamic_security.so`,
        'plugin_opt_config_file {folder}/rights.json',
      ],
      files: { 'rights.json': JSON.stringify(RIGHTS) },
    });
    const reporting = await device({ url: `mqtt://127.0.0.1:${port}` });
    await waitFor(() => expect(reporting.said, log()).toMatch(/refuses a subscription: .*Not authorized/));
    reporting.send();
    await waitFor(() => expect(reporting.said).toMatch(/Publish error: Not authorized/));
    expect(reporting.connected).toBe(true);
  });
});

describe('a device with TLS', () => {
  const tls = (port: number, more = {}) => ({ url: `mqtts://127.0.0.1:${port}`, caFile: authority.caFile, ...more });
  const listener = (pair: Pair, ...more: string[]) => [
    `certfile ${pair.certFile}`,
    `keyfile ${pair.keyFile}`,
    `cafile ${authority.caFile}`,
    ...more,
  ];

  it('trusts the authority that it is told, and says what is wrong with any other broker', async () => {
    const { port } = await broker({ lines: listener(await authority.issue('server')) });
    const reporting = await device(tls(port));
    await waitFor(() => expect(reporting.connected).toBe(true));
    const stranger = await device({ url: `mqtts://127.0.0.1:${port}` });
    await waitFor(() => expect(stranger.said).toMatch(/certificate is not trusted: name the certificate authority/));
    const elsewhere = await device(tls(port, { serverName: 'other.plant' }));
    await waitFor(() => expect(elsewhere.said).toMatch(/certificate is for another host/));
    const plain = await device({ url: `mqtt://127.0.0.1:${port}` });
    await waitFor(() => expect(plain.said).toMatch(/cannot be reached/));
  });

  it('asks for the name and protocols that it is told', async () => {
    const { port } = await broker();
    const pair = await authority.issue('front', { names: 'DNS:mqtt.plant' });
    const front = await FaultyPath.start(port, {
      cert: await readFile(pair.certFile),
      key: await readFile(pair.keyFile),
      ALPNProtocols: ['mqtt'],
    });
    closers.push(() => front.stop());
    const reporting = await device(tls(front.port, { serverName: 'mqtt.plant', alpn: ['x-amzn-mqtt-ca', 'mqtt'] }));
    await waitFor(() => expect(reporting.connected).toBe(true));
    expect(front.asked).toContainEqual({ alpn: 'mqtt', serverName: 'mqtt.plant' });
    const other = await device(tls(front.port, { serverName: 'mqtt.plant', alpn: ['http/1.1'] }));
    await waitFor(() => expect(other.said).toMatch(/none of the ALPN protocols/));
  });

  it('shows its own certificate, its key behind a passphrase', async () => {
    const { port } = await broker({
      lines: listener(await authority.issue('server'), 'require_certificate true', 'use_identity_as_username true'),
    });
    const without = await device(tls(port, { clientId: 'without' }));
    await waitFor(() => expect(without.said).toMatch(/wants a certificate of this device/));
    const own = await authority.issue('device1', { passphrase: 'sesame' });
    const keyPassphraseFile = await file('passphrase', 'sesame\n');
    const locked = await device(tls(port, { ...own, clientId: 'locked' }));
    await waitFor(() => expect(locked.said).toMatch(/broker\.keyFile: cannot be used.*keyPassphraseFile/));
    const reporting = await device(tls(port, { ...own, keyPassphraseFile }));
    await waitFor(() => expect(reporting.connected).toBe(true));
  });

  it("recovers when expired certificates are replaced, the broker's and its own", async () => {
    const pair = await authority.issue('ending', { expired: true });
    const server = await broker({ lines: listener(pair, 'require_certificate true') });
    const own = await authority.issue('device2', { expired: true });
    const reporting = await device(tls(server.port, own));
    await waitFor(() => expect(reporting.said).toMatch(/the broker's certificate has expired: renew it/));
    await authority.issue('ending');
    await server.signal('SIGHUP');
    await waitFor(() => expect(reporting.said).toMatch(/does not take this device's certificate, it has expired/));
    expect(reporting.said).toMatch(/this device's certificate expired on 2020/);
    await authority.issue('device2');
    await waitFor(() => expect(reporting.connected).toBe(true));
  });

  it('connects anew with new certificates while it is connected, and not with half of them', async () => {
    const server = await broker({ lines: listener(await authority.issue('server'), 'require_certificate true') });
    const own = await authority.issue('device3');
    const seen = await witness(`mqtts://127.0.0.1:${server.port}`, await pem(authority.caFile, own));
    const reporting = await device(tls(server.port, own));
    await delivers(reporting, seen);
    const { reconnects } = reporting.publisher.figures;
    await writeFile(own.certFile, 'half a certi');
    await waitFor(() => expect(reporting.said).toMatch(/certFile: is no certificate.*The connection stays as it is/s));
    await delivers(reporting, seen);
    expect(reporting.publisher.figures.reconnects).toBe(reconnects);
    await authority.issue('device3');
    await waitFor(() => expect(reporting.publisher.figures.reconnects).toBe(reconnects + 1));
    await delivers(reporting, seen);
    expect(seen.states.map(({ state }) => state)).not.toContain('offline');
  });
});

describe('a device with WebSockets', () => {
  it.each(['ws', 'wss'])('reports over %s, at a path', async (scheme) => {
    const { certFile, keyFile } = await authority.issue('server');
    const port = await freePort();
    const tls = scheme === 'ws' ? 'no_tls: true' : `tls { cert_file: "${certFile}", key_file: "${keyFile}" }`;
    const nats = await broker({ lines: [`websocket { host: "127.0.0.1", port: ${port}, ${tls} }`] }, startNats);
    const seen = await witness(`mqtt://127.0.0.1:${nats.port}`);
    const trust = scheme === 'ws' ? {} : { caFile: authority.caFile };
    const reporting = await device({ url: `${scheme}://127.0.0.1:${port}/mqtt`, ...trust });
    await delivers(reporting, seen);
    if (scheme === 'ws') return;
    const stranger = await device({ url: `wss://127.0.0.1:${port}/mqtt`, clientId: 'stranger' });
    await waitFor(() => expect(stranger.said).toMatch(/certificate is not trusted/));
  });
});

describe('the retained status', () => {
  /** What somebody is told who subscribes only now. */
  const retained = async (url: string) => {
    const late = await witness(url);
    await waitFor(() => expect(late.states[0]).toBeDefined());
    return late.states[0];
  };

  it('never says offline when the device is back before its will is due', async () => {
    const { port, log } = await broker();
    const path = await FaultyPath.start(port);
    closers.push(() => path.stop());
    const url = `mqtt://127.0.0.1:${port}`;
    const seen = await witness(url);
    const willDelaySeconds = 6;
    const section = { keepaliveSeconds: 1, connectSeconds: 1, willDelaySeconds, clientId: 'half-open' };
    const reporting = await device({ url: `mqtt://127.0.0.1:${path.port}`, ...section });
    await waitFor(() => expect(seen.state).toBe('online'));
    path.accepting = false;
    path.freeze();
    await waitFor(() => expect(log()).toMatch(/Client half-open has exceeded timeout/));
    path.accepting = true;
    await delivers(reporting, seen);
    await sleep((willDelaySeconds + 1) * 1000);
    expect(seen.states.map(({ state }) => state)).not.toContain('offline');
    expect(await retained(url)).toEqual({ state: 'online', retained: true });
  });

  it('says online last when the broker publishes the will as it lets the device in again (MQTT 3.1.1)', async () => {
    const { port } = await broker();
    const path = await FaultyPath.start(port);
    closers.push(() => path.stop());
    const url = `mqtt://127.0.0.1:${port}`;
    const seen = await witness(url);
    const reporting = await device({ url: `mqtt://127.0.0.1:${path.port}`, version: '3.1.1', keepaliveSeconds: 1 });
    await waitFor(() => expect(seen.state).toBe('online'));
    path.freeze();
    await waitFor(() => expect(seen.states.map(({ state }) => state)).toContain('offline'));
    await delivers(reporting, seen);
    await waitFor(() => expect(seen.state).toBe('online'));
    expect(await retained(url)).toEqual({ state: 'online', retained: true });
  });

  it.each([
    ['mosquitto, MQTT 5', startMosquitto, '5'],
    ['mosquitto, MQTT 3.1.1', startMosquitto, '3.1.1'],
    ['NATS', startNats, '3.1.1'],
  ] as const)('is put right when a late will has overtaken it: %s', async (_, make, version) => {
    const { port } = await broker({}, make);
    const path = await FaultyPath.start(port);
    closers.push(() => path.stop());
    const url = `mqtt://127.0.0.1:${port}`;
    const seen = await witness(url);
    const before = await device({
      url: `mqtt://127.0.0.1:${path.port}`,
      version,
      clientId: 'before',
      keepaliveSeconds: 2,
      willDelaySeconds: 0,
    });
    await waitFor(() => expect(before.connected && seen.state === 'online').toBe(true));
    path.accepting = false;
    path.freeze();
    await device({ url, version, clientId: 'after' });
    await waitFor(() => expect(seen.states.map(({ state }) => state)).toContain('offline'));
    await waitFor(() => expect(seen.state).toBe('online'));
    expect(await retained(url)).toEqual({ state: 'online', retained: true });
  });
});

describe('two devices with one client id', () => {
  // Debian's mosquitto gives no reason when it ends the older connection.
  it.each(['5', '3.1.1'] as const)('say so, with MQTT %s', async (version) => {
    const message = /ended the connection \(again soon after.*if another client uses the id "twin", give each its own/;
    const { port } = await broker();
    const twins = await Promise.all(
      [1, 2].map(() => device({ url: `mqtt://127.0.0.1:${port}`, version, clientId: 'twin' })),
    );
    await waitFor(() => expect(twins.map(({ said }) => said).join('\n')).toMatch(message));
  });
});

describe('results', () => {
  /** Numbers in the order of their first arrival. */
  const firsts = ({ sequences }: Witness) => [...new Set(sequences)];
  const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);

  it('keep their order while the broker is killed again and again', async () => {
    const server = await broker();
    const url = `mqtt://127.0.0.1:${server.port}`;
    const seen = await witness(url);
    const reporting = await device({ url });
    const sending = setInterval(() => reporting.send(), 5);
    closers.push(async () => clearInterval(sending));
    const logs: string[] = [];
    for (let kill = 0; kill < 6; kill++) {
      await waitFor(() => expect(reporting.publisher.figures.reconnects).toBeGreaterThanOrEqual(kill));
      await flows(seen);
      await server.signal(kill % 2 ? 'SIGTERM' : 'SIGKILL');
      logs.push(server.log());
      await sleep(400);
      await server.start();
    }
    // A broker that was killed has forgotten who listens: what it is given before the witness is back reaches nobody.
    await flows(seen);
    clearInterval(sending);
    await delivers(reporting, seen);
    expect(firsts(seen)).toEqual(sorted(firsts(seen)));
    expect(logs.join('\n')).not.toMatch(/protocol error|malformed|topic alias/i);
  });

  it('all arrive, in order, over a slow path that breaks', async () => {
    const { port } = await broker();
    const path = await FaultyPath.start(port);
    closers.push(() => path.stop());
    path.delayMs = 20;
    const seen = await witness(`mqtt://127.0.0.1:${port}`);
    const reporting = await device({ url: `mqtt://127.0.0.1:${path.port}` });
    for (let cut = 0; cut < 5; cut++) {
      await delivers(reporting, seen);
      for (let i = 0; i < 100; i++) reporting.send();
      await sleep(200);
      path.cut();
    }
    await delivers(reporting, seen);
    expect(firsts(seen)).toEqual(sorted(firsts(seen)));
    expect(firsts(seen)).toHaveLength(506);
  });

  it('all arrive, in order, after the cable was pulled', async () => {
    const network = await Network.create();
    closers.push(() => network.remove());
    const { address, prefix } = network;
    const server = await broker({ address, prefix, lines: ['max_queued_messages 0'] });
    const url = `mqtt://${address}:${server.port}`;
    const session = { clean: false, clientId: 'witness', keepalive: 2, properties: { sessionExpiryInterval: 600 } };
    const seen = await witness(url, session);
    const reporting = await device({ url, keepaliveSeconds: 2, connectSeconds: 1 });
    await delivers(reporting, seen);
    const sending = setInterval(() => reporting.send(), 20);
    closers.push(async () => clearInterval(sending));
    await network.pull();
    await waitFor(() => expect(reporting.connected).toBe(false));
    await waitFor(() => expect(server.log()).toMatch(/beltsight-s-l-d has exceeded timeout/));
    await network.plug();
    await waitFor(() => expect(reporting.connected).toBe(true));
    clearInterval(sending);
    await delivers(reporting, seen);
    const last = firsts(seen).length - 1;
    expect(firsts(seen)).toEqual(Array.from({ length: last + 1 }, (_, i) => i));
  });
});

describe('docs/broker.md', () => {
  it('has commands, settings and rights that work together', async () => {
    const page = await readFile(join(ROOT, 'docs/broker.md'), 'utf8');
    const [commands] = /(?<=```sh\n)[^`]*/.exec(page) as RegExpExecArray;
    const [settings] = /(?<=```\n)listener[^`]*/.exec(page) as RegExpExecArray;
    const [rights] = /(?<=```\n)pattern[^`]*/.exec(page) as RegExpExecArray;
    const made = await mkdtemp(join(folder, 'docs-'));
    await promisify(execFile)('bash', ['-euc', commands], { cwd: made });
    const lines = settings
      .replace(/^listener.*\n/, '')
      .replaceAll('/etc/mosquitto/certs', made)
      .replaceAll('/etc/mosquitto/acl', '{folder}/acl')
      .trim()
      .split('\n');
    const identity = ['require_certificate true', 'use_identity_as_username true'];
    // The device of this test is called "d", the certificate's user "device1".
    const files = {
      acl: `${rights.replaceAll('%u', 'd').replaceAll('pattern', 'topic').replace(/^/, 'user device1\n')}`,
    };
    const { port, log } = await broker({ lines: [...lines, ...identity], files });
    const at = (name: string) => join(made, name);
    const url = `mqtts://localhost:${port}`;
    const own = { caFile: at('plant-ca.pem'), certFile: at('device1.pem'), keyFile: at('device1.key') };
    const reporting = await device({ url, ...own });
    const seen = await witness(url, { ...(await pem(own.caFile, own)), clientId: 'check' });
    await waitFor(() => expect(seen.state).toBe('online'));
    reporting.send();
    await waitFor(() => expect(reporting.publisher.figures.waiting).toBe(0));
    expect(reporting.publisher.figures.dropped, log()).toMatchObject({ refused: 0 });
    expect(reporting.said).not.toMatch(/refuse/);
    const topic = TOPICS.status.replace('/d/', '/other/');
    reporting.publisher.send([{ topic, payload: Buffer.of(), importance: 'result', options: { qos: 1 } }]);
    await waitFor(() => expect(reporting.publisher.figures.dropped).toMatchObject({ refused: 1 }));
  });
});
