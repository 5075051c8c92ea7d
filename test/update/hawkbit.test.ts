import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { UpdateState } from '@beltsight/sdk';
import { float32 } from '@beltsight/sdk/onnx';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HawkbitClient } from '../../device/src/update/hawkbit/client.js';
import { hawkbitSchema } from '../../device/src/update/hawkbit/schema.js';
import type { Transport } from '../../device/src/update/source/transport.js';
import { addBundle, promote } from '../../trainer/src/release/bundles.js';
import { Scene } from '../../trainer/src/release/testing.js';
import { HawkbitDouble } from '../support/hawkbit/server.js';
import { waitFor } from '../support/patience.js';
import { tinyGraph, writeTinyBundle } from '../support/tiny-bundle.js';
import { startDevice } from './device.js';

const RELEASES = ['releases/_/tiny-1.json', 'releases/_/tiny-2.json'] as const;
const [FIRST, SECOND] = RELEASES;

let scene: Scene;
let url: string;
/** Model ids: what the device was installed with, and the two releases. */
const models: string[] = [];

beforeAll(async () => {
  scene = await Scene.open();
  for (const name of ['factory', 'one', 'two']) {
    const model = tinyGraph();
    const initializers = new Map(model.initializers).set('gain', float32([models.length + 1], [1]));
    const bundle = join(scene.folder, name);
    models.push(await writeTinyBundle(bundle, (parts) => ({ ...parts, model: { ...model, initializers } })));
    if (name === 'factory') continue;
    const { workspace } = scene;
    await addBundle({ workspace, bundle, name: 'tiny', scope: {}, notes: '', now: new Date() });
  }
  await scene.publish();
  url = await scene.serve();
});
afterAll(() => scene.close());

let hawkbit: HawkbitDouble;
let folder: string;
const closers: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  hawkbit = new HawkbitDouble();
  await hawkbit.listen();
  folder = await mkdtemp(join(scene.folder, 'device-'));
  await writeFile(join(folder, 'token'), `${hawkbit.token}\n`);
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await hawkbit.close();
  expect(hawkbit.violations).toEqual([]);
});

type Options = Partial<Parameters<typeof startDevice>[0]> & { readonly hawkbit?: object };

/** A device with its client of hawkBit. */
async function start({ hawkbit: more, ...options }: Options = {}) {
  const logged: string[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line).msg) });
  let client: HawkbitClient | undefined;
  const device = await startDevice({
    folder: join(folder, 'update'),
    factory: join(scene.folder, 'factory'),
    root: join(scene.workspace.repository.folder, 'metadata/1.root.json'),
    url,
    listen: (updater) => {
      client = new HawkbitClient({
        options: hawkbitSchema.parse({ url: hawkbit.url, tokenFile: join(folder, 'token'), ...more }),
        device: { site: 'plant1', line: 'line1', device: 'device1' },
        desire: (desired) => updater.desire(desired),
        logger,
        attributes: { provider: 'cpu' },
      });
      return (state) => client?.state(state);
    },
    ...options,
  });
  const running = (client as HawkbitClient).run();
  const close = async () => {
    await client?.close();
    await running;
    await device.close();
  };
  closers.push(close);
  const reaches = (state: UpdateState, more: object = {}) =>
    waitFor(() => expect(device.states.at(-1)).toMatchObject({ state, ...more }));
  return { ...device, client: client as HawkbitClient, logged, reaches, close };
}

const tiny = (version: number) => ({ name: 'tiny', version: String(version) });
const ends = (action: object, status: string) => waitFor(() => expect(action).toMatchObject({ status }));
const told = ({ feedback }: ReturnType<HawkbitDouble['assign']>) =>
  feedback.map(({ execution, result }) => (result.finished === 'none' ? execution : `${execution} ${result.finished}`));

/** A device that hawkBit has brought to the first release. */
async function installed(options: Options = {}) {
  const action = hawkbit.assign(tiny(1));
  const device = await start(options);
  await device.reaches('probation');
  device.inspect(25);
  await ends(action, 'finished');
  return device;
}

/** One more look at hawkBit, to its end. */
async function asks({ client }: { readonly client: HawkbitClient }): Promise<void> {
  // The second one begins when the first has ended.
  for (let i = 0; i < 2; i++) {
    const asked = hawkbit.requests.length;
    client.check();
    await waitFor(() => expect(hawkbit.requests.length).toBeGreaterThan(asked));
  }
}

/** What the device inspects with after it has looked once more. */
async function looksAgain(device: Awaited<ReturnType<typeof start>>): Promise<string> {
  await asks(device);
  const { length } = device.states;
  device.updater.check();
  await waitFor(() => expect(device.states.length).toBeGreaterThan(length));
  await device.reaches('idle');
  return device.host.modelId;
}

/** A repository whose blobs are held back. */
function held() {
  const gate: { open: () => void } = { open: () => undefined };
  const opened = new Promise<void>((resolve) => {
    gate.open = resolve;
  });
  const wrap = (transport: Transport): Transport => ({
    name: transport.name,
    close: () => transport.close(),
    async *read(path, offset, signal) {
      signal.throwIfAborted();
      const given = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      given.catch(() => undefined);
      if (path.startsWith('blobs/')) await Promise.race([opened, given]);
      yield* transport.read(path, offset, signal);
    },
  });
  return { gate, wrap };
}

describe('what hawkBit assigns', () => {
  it('is fetched from the repository, proves itself, and ends in success', async () => {
    const action = hawkbit.assign(tiny(1));
    const device = await start();
    await device.reaches('probation', { running: { release: FIRST }, rollout: { id: 'hawkbit-1' } });
    await waitFor(() => expect(action.feedback.at(-1)?.details).toEqual([expect.stringContaining('prove itself')]));
    expect(action.status).toBe('running');
    device.inspect(25);
    await ends(action, 'finished');
    expect(told(action)[0]).toBe('download');
    expect(told(action).at(-1)).toBe('closed success');
    expect(action.feedback.at(-1)?.details[0]).toContain(models[1]);
    expect(hawkbit.authorizations).toEqual(new Set([`TargetToken ${hawkbit.token}`]));
    await looksAgain(device);
    expect(hawkbit.attributes).toMatchObject({ 'beltsight.model': models[1], provider: 'cpu' });
  });

  it('may be of another name, by the metadata of its module', async () => {
    const metadata = [{ key: 'beltsight.release', value: FIRST }];
    hawkbit.assign({ name: 'Bottles, spring', version: '2026.1', part: 'application', metadata });
    const device = await start();
    await device.reaches('probation', { running: { release: FIRST } });
  });

  it('ends in failure where it names no release, and nothing changes', async () => {
    const action = hawkbit.assign({ ...tiny(1), part: 'firmware' });
    const device = await start();
    await ends(action, 'error');
    expect(action.feedback.at(-1)?.details[0]).toContain('names no release');
    expect(await looksAgain(device)).toBe(models[0]);
  });

  it('stays open while the repository does not have it, and hawkBit knows why', async () => {
    const action = hawkbit.assign(tiny(9));
    const device = await start();
    await device.reaches('idle', { reason: expect.stringContaining('nobody has signed') });
    await waitFor(() =>
      expect(action.feedback.at(-1)?.details[0]).toContain('nobody has signed releases/_/tiny-9.json'),
    );
    expect(action.status).toBe('running');
  });

  it('ends in failure when it is no good here, and is tried again when it is assigned again', async () => {
    const action = hawkbit.assign(tiny(1));
    const device = await start({ refuse: () => 'golden/000.png scores wrong' });
    await ends(action, 'error');
    expect(action.feedback.at(-1)?.details).toEqual(['golden/000.png scores wrong']);
    device.host.refuse = () => undefined;
    expect(await looksAgain(device)).toBe(models[0]);
    const again = hawkbit.assign(tiny(1));
    device.client.check();
    await device.reaches('probation');
    expect(again.status).toBe('running');
    device.inspect(25);
    await ends(again, 'finished');
  });

  it('ends in failure when it is taken back, and the one before stays', async () => {
    const device = await installed();
    const action = hawkbit.assign(tiny(2));
    device.client.check();
    await device.reaches('probation', { running: { release: SECOND } });
    for (let i = 0; i < 3; i++) device.updater.failure();
    await ends(action, 'error');
    expect(action.feedback.at(-1)?.details).toEqual(['3 frames could not be inspected']);
    expect(await looksAgain(device)).toBe(models[1]);
    expect(device.states.at(-1)?.desired).toBe(FIRST);
  });
});

describe('a deployment', () => {
  it('that is not forced waits for the time of day of the device; a forced one does not', async () => {
    const action = hawkbit.assign({ ...tiny(1), forced: false });
    const now = () => new Date('2026-06-01T12:00:00').getTime();
    const device = await start({ parts: { now, window: { from: '22:00', to: '05:00' } } });
    await device.reaches('waiting', { reason: 'It switches from 22:00 on.' });
    await waitFor(() => expect(told(action).at(-1)).toBe('downloaded'));
    action.deployment = tiny(1);
    device.client.check();
    await device.reaches('probation');
  });

  it('is fetched before its maintenance window, and switched to in it', async () => {
    const action = hawkbit.assign({ ...tiny(1), maintenance: 'unavailable' });
    const device = await start();
    await device.reaches('waiting');
    await waitFor(() => expect(told(action).at(-1)).toBe('downloaded'));
    expect(device.host.used).toEqual([models[0]]);
    action.deployment = { ...tiny(1), maintenance: 'available' };
    device.client.check();
    await device.reaches('probation');
  });

  it('that is a download alone ends with it, and the one that switches later has nothing to fetch', async () => {
    const action = hawkbit.assign({ ...tiny(1), downloadOnly: true });
    const fetched: string[] = [];
    const wrap = (transport: Transport): Transport => ({
      name: transport.name,
      close: () => transport.close(),
      read: (path, ...more) => {
        if (path.startsWith('blobs/')) fetched.push(path);
        return transport.read(path, ...more);
      },
    });
    const device = await start({ wrap });
    await ends(action, 'downloaded');
    expect(await looksAgain(device)).toBe(models[0]);
    expect(fetched.length).toBeGreaterThan(0);
    fetched.length = 0;
    hawkbit.assign(tiny(1));
    device.client.check();
    await device.reaches('probation', { running: { release: FIRST } });
    expect(fetched).toEqual([]);
    expect(device.record.record.fetched).toEqual([]);
  });

  it('that is a download alone gives way to another release', async () => {
    const action = hawkbit.assign({ ...tiny(1), downloadOnly: true });
    const device = await start();
    await ends(action, 'downloaded');
    hawkbit.assign(tiny(2));
    device.client.check();
    await device.reaches('probation', { running: { release: SECOND } });
    device.inspect(25);
    await device.reaches('idle');
    const there = await readdir(join(folder, 'update/blobs'));
    expect(there.sort()).toEqual([...(await device.slots.digests('a'))].sort());
  });

  it('is confirmed by the device, but not while its updates are held', async () => {
    const action = hawkbit.assign({ ...tiny(1), confirm: true });
    const device = await start();
    await device.updater.hold(true);
    await device.reaches('held');
    // It may have confirmed before.
    const held = hawkbit.assign({ ...tiny(2), confirm: true });
    hawkbit.actions.splice(hawkbit.actions.indexOf(action), 1);
    await asks(device);
    expect(held.status).toBe('waiting');
    await device.updater.hold(false);
    device.client.check();
    await ends(held, 'running');
    await device.reaches('probation', { running: { release: SECOND } });
  });
});

describe('a cancellation', () => {
  it('is followed before the switch', async () => {
    const { wrap, gate } = held();
    const action = hawkbit.assign(tiny(1));
    const device = await start({ wrap });
    await device.reaches('downloading');
    hawkbit.cancel(action);
    device.client.check();
    await ends(action, 'canceled');
    expect(told(action).at(-1)).toBe('closed success');
    gate.open();
    expect(await looksAgain(device)).toBe(models[0]);
    expect(device.host.used).toEqual([models[0]]);
  });

  it('is rejected after it, and the action goes on', async () => {
    const action = hawkbit.assign(tiny(1));
    const device = await start();
    await device.reaches('probation');
    hawkbit.cancel(action);
    device.client.check();
    await ends(action, 'running');
    expect(told(action)).toContain('rejected');
    device.inspect(25);
    await device.reaches('idle');
    device.client.check();
    await ends(action, 'finished');
    expect(device.host.used).toEqual([models[0], models[1]]);
  });

  it('of which a device hears that has begun anew is followed as well', async () => {
    const { wrap } = held();
    const action = hawkbit.assign(tiny(1));
    const first = await start({ wrap });
    await first.reaches('downloading');
    await first.close();
    hawkbit.cancel(action);
    const device = await start();
    await ends(action, 'canceled');
    expect(await looksAgain(device)).toBe(models[0]);
  });
});

describe('a device that begins anew', () => {
  it('goes on in the middle of an action', async () => {
    const action = hawkbit.assign(tiny(1));
    const first = await start();
    await first.reaches('probation');
    await first.close();
    const device = await start();
    await device.reaches('probation');
    device.inspect(25);
    await ends(action, 'finished');
    expect(told(action).filter((each) => each.startsWith('closed'))).toEqual(['closed success']);
  });

  it('tells what hawkBit did not hear before', async () => {
    const action = hawkbit.assign(tiny(1));
    const first = await start();
    await first.reaches('probation');
    await first.client.close();
    first.inspect(25);
    await first.reaches('idle', { running: { release: FIRST } });
    await first.close();
    expect(action.status).toBe('running');
    await start();
    await ends(action, 'finished');
  });

  it('tells nothing twice, and keeps what hawkBit has installed, whatever the channel says', async () => {
    await promote(scene.workspace, {}, 'other', SECOND, new Date());
    await scene.publish();
    const parts = { channel: 'other' };
    const first = await installed({ parts });
    await first.close();
    const [action] = hawkbit.actions;
    const count = action?.feedback.length;
    const device = await start({ parts });
    expect(await looksAgain(device)).toBe(models[1]);
    expect(action?.feedback).toHaveLength(count as number);
    await device.close();
    // Nor does it follow the channel while hawkBit is away.
    hawkbit.fault = (_, response) => {
      response.destroy();
      return true;
    };
    const alone = await start({ parts });
    await waitFor(() => expect(alone.logged).toHaveLength(1));
    await alone.reaches('idle');
    expect(alone.host.used).toEqual([models[1]]);
  });
});

describe('a hawkBit that', () => {
  const answers =
    (status: number, headers: Record<string, string>, body = ''): HawkbitDouble['fault'] =>
    (_, response) => {
      response.writeHead(status, headers).end(body);
      return true;
    };
  const json = { 'content-type': 'application/json' };

  it.each<[string, HawkbitDouble['fault'], RegExp]>([
    ['knows no such token', answers(401, {}), /token or certificate is missing/],
    ['is at another address', answers(404, {}), /status 404/],
    ['has too many devices', answers(429, { 'retry-after': '1' }), /status 429/],
    ['is broken', answers(500, {}), /status 500/],
    ['sends it elsewhere', answers(302, { location: 'http://127.0.0.1:1/' }), /status 302/],
    ['talks nonsense', answers(200, json, '<html>'), /no answer of the Direct Device Integration API/],
    ['is something else', answers(200, json, '{"_links":{"deploymentBase":7}}'), /no answer of the Direct/],
    ['never ends', answers(200, json, ' '.repeat(1_100_000)), /does not answer as it should/],
    ['nests without end', answers(200, json, '['.repeat(500_000)), /no answer of the Direct/],
    [
      'hangs up',
      (_, response) => {
        response.destroy();
        return true;
      },
      /does not answer as it should/,
    ],
  ])('%s is complained about once, and forgiven', async (_, fault, complaint) => {
    hawkbit.fault = fault;
    const action = hawkbit.assign({ ...tiny(1), part: 'firmware' });
    const device = await start();
    await waitFor(() => expect(device.logged).toEqual([expect.stringMatching(complaint)]));
    await asks(device);
    hawkbit.fault = undefined;
    device.client.check();
    await ends(action, 'error');
    await waitFor(() => expect(device.logged).toContainEqual(expect.stringContaining('answers again')));
    expect(device.logged.filter((line) => complaint.test(line))).toHaveLength(1);
  });

  it.each([
    ['another server', (other: string) => `${other}/DEFAULT/controller/v1/plant1.line1.device1/deploymentBase/1`],
    ['another target', () => `${hawkbit.url}/DEFAULT/controller/v1/plant1.line1.device2/deploymentBase/1`],
    ['another target, by detours', () => `${hawkbit.url}/DEFAULT/controller/v1/plant1.line1.device1/../device2/x`],
    ['no address', () => 'http://['],
  ])('names %s in a link is not followed there', async (_, link) => {
    const visits: (string | undefined)[] = [];
    const elsewhere = createServer((request, response) => {
      visits.push(request.headers.authorization);
      response.end('{}');
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => elsewhere.close(resolve)));
    const href = link(`http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`);
    hawkbit.fault = answers(200, json, JSON.stringify({ config: {}, _links: { deploymentBase: { href } } }));
    const device = await start();
    await waitFor(() => expect(device.logged).toEqual([expect.stringContaining('where it does not go')]));
    expect(visits).toEqual([]);
    expect(new Set(hawkbit.requests)).toEqual(new Set(['GET /DEFAULT/controller/v1/plant1.line1.device1']));
  });

  it('ends an action by itself is not told of it any more', async () => {
    const action = hawkbit.assign(tiny(1));
    const device = await start();
    await device.reaches('probation');
    await waitFor(() => expect(JSON.stringify(action.feedback.at(-1))).toContain('has to prove itself'));
    const { length } = action.feedback;
    hawkbit.fault = ({ method, url: path }) => {
      // Between the answer and the report.
      if (method === 'GET' && path?.includes('deploymentBase')) setImmediate(() => (action.status = 'canceled'));
      return false;
    };
    device.inspect(25);
    await waitFor(() => expect(device.logged).toContainEqual('hawkBit: action 1 is not open any more.'));
    expect(action.feedback).toHaveLength(length);
  });

  it('dislikes a message or an attribute still gets the end of the action', async () => {
    hawkbit.fault = (request, response) => {
      const middle = request.method === 'PUT' || (request.method === 'POST' && hawkbit.requests.length < 12);
      if (middle) response.writeHead(request.method === 'PUT' ? 400 : 403).end();
      return middle;
    };
    const action = hawkbit.assign(tiny(1));
    const device = await start();
    await device.reaches('probation');
    while (hawkbit.requests.length < 12) await asks(device);
    device.inspect(25);
    await ends(action, 'finished');
    await waitFor(() => expect(device.logged).toEqual([expect.stringContaining('ends in success')]));
  });

  it('is busy with the same action is told once more', async () => {
    let refused = 0;
    hawkbit.fault = (request, response) => {
      if (request.method !== 'POST' || refused > 0) return false;
      refused++;
      response.writeHead(409).end();
      return true;
    };
    const action = hawkbit.assign({ ...tiny(1), part: 'firmware' });
    const device = await start();
    await waitFor(() => expect(device.logged).toEqual([expect.stringContaining('status 409')]));
    device.client.check();
    await ends(action, 'error');
  });
});
