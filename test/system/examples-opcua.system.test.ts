import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AttributeIds,
  ClientMonitoredItem,
  type ClientSession,
  DataType,
  type DataValue,
  MessageSecurityMode,
  OPCUACertificateManager,
  OPCUAClient,
  SecurityPolicy,
  StatusCodes,
  TimestampsToReturn,
  type UserIdentityInfo,
  UserTokenType,
  type VariantLike,
} from 'node-opcua';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Gateway, startGateway } from '../../examples/opcua/gateway.js';
import { NAMESPACE_URI } from '../../examples/opcua/server.js';
import { startMosquitto } from '../support/mosquitto.js';
import { waitFor } from '../support/patience.js';
import { freePort, ROOT, start } from '../support/processes.js';
import { type ScriptedDevice, startScriptedDevice } from '../support/scripted-device.js';

const OPERATOR: UserIdentityInfo = { type: UserTokenType.UserName, userName: 'operator', password: 'secret' };
const DEVICE = 'plant1/line1/jetson7';

let folder: string;
let broker: Awaited<ReturnType<typeof startMosquitto>>;
let device: ScriptedDevice;
let gateway: Gateway;
let client: OPCUAClient;
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-opcua-'));
  broker = await startMosquitto();
  device = await startScriptedDevice(broker.url);
  gateway = await startGateway({
    broker: broker.url,
    host: '127.0.0.1',
    port: await freePort(),
    pki: join(folder, 'server'),
    staleMs: 2000,
    user: { name: 'operator', password: 'secret' },
  });
  client = OPCUAClient.create({
    endpointMustExist: false,
    clientCertificateManager: new OPCUACertificateManager({ rootFolder: join(folder, 'client') }),
  });
  await client.connect(gateway.url);
});
afterAll(async () => {
  await client?.disconnect();
  await gateway?.close();
  await device?.close();
  await broker?.stop();
  await rm(folder, { recursive: true });
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A session, its namespace, and reading in words of the tags. */
async function open(user?: UserIdentityInfo) {
  const session = await client.createSession(user);
  closers.push(() => session.close());
  const index = (await session.readNamespaceArray()).indexOf(NAMESPACE_URI);
  const id = (path: string) => `ns=${index};s=${DEVICE}/${path}`;
  const read = (path: string) => session.read({ nodeId: id(path), attributeId: AttributeIds.Value });
  return { session, index, id, read };
}

async function call(session: ClientSession, objectId: string, method: string, inputArguments: VariantLike[] = []) {
  const { statusCode, outputArguments } = await session.call({
    objectId,
    methodId: `${objectId}/${method}`,
    inputArguments,
  });
  return { statusCode, outputs: outputArguments?.map(({ value }) => value) };
}

describe('the OPC UA gateway', () => {
  it('shows site, line, device and camera as folders and objects with described, typed variables', async () => {
    const { session, id, index, read } = await open();
    await device.status();
    const names = async (node: string) =>
      (await session.browse(node)).references?.map(({ browseName }) => browseName.name);
    await waitFor(async () => expect(await names(`ns=${index};s=plant1/line1`)).toEqual(['jetson7']));
    expect(await names(`ns=${index};s=Beltsight`)).toContain('plant1');
    expect(await names(id('belt'))).toEqual(
      expect.arrayContaining([
        'Verdict',
        'Score',
        'Threshold',
        'Class',
        'PValue',
        'Count',
        'LatencyMs',
        'State',
        'Error',
        'Trigger',
      ]),
    );
    const attribute = async (path: string, attributeId: AttributeIds) =>
      (await session.read({ nodeId: id(path), attributeId })).value.value;
    expect((await attribute('belt/Score', AttributeIds.Description)).text).toMatch(/compare it with Threshold/);
    const details = (await session.browse(id('belt/LatencyMs'))).references ?? [];
    const properties = await Promise.all(details.map(({ nodeId }) => session.readVariableValue(nodeId)));
    expect(properties.map(({ value }) => value.value)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ displayName: expect.objectContaining({ text: 'ms' }) }),
        expect.objectContaining({ low: 0, high: 1000 }),
      ]),
    );
    await waitFor(async () =>
      expect((await read('belt/Count')).value).toMatchObject({ dataType: DataType.UInt64, value: [0, 10] }),
    );
  });

  it('carries the values of a result with the time of its frame', async () => {
    const { read } = await open();
    await device.status();
    const capturedAt = '2026-11-24T08:15:30.123Z';
    const { id } = await device.result({ frame: { sequence: 1, capturedAt } });
    await waitFor(async () => expect((await read('belt/ResultId')).value.value).toBe(id));
    const score = await read('belt/Score');
    expect(score).toMatchObject({ statusCode: StatusCodes.Good, sourceTimestamp: new Date(capturedAt) });
    expect(score.value).toMatchObject({ dataType: DataType.Double, value: 1.5 });
    expect((await read('belt/Rejected')).value.value).toBe(true);
    await device.result({
      verdict: 'unknown',
      threshold: null,
      pValue: null,
      class: { name: null, source: 'recognised', distance: 1.4 },
    });
    await waitFor(async () => expect((await read('belt/Threshold')).statusCode).toBe(StatusCodes.BadNoData));
  });

  it('tells subscribers of every change, once', async () => {
    const { session, id } = await open();
    await device.status();
    await device.result({ score: 0.1 });
    const subscription = await session.createSubscription2({
      requestedPublishingInterval: 50,
      publishingEnabled: true,
    });
    closers.push(() => subscription.terminate());
    const item = ClientMonitoredItem.create(
      subscription,
      { nodeId: id('belt/Score'), attributeId: AttributeIds.Value },
      { samplingInterval: 0, queueSize: 100, discardOldest: true },
      TimestampsToReturn.Both,
    );
    const seen: number[] = [];
    item.on('changed', ({ value, statusCode }: DataValue) => statusCode.isGood() && seen.push(value.value));
    await waitFor(() => expect(seen).toEqual([0.1]));
    for (const score of [0.2, 0.3, 0.4]) await device.result({ score }, 2);
    await waitFor(() => expect(seen).toEqual([0.1, 0.2, 0.3, 0.4]));
  });

  it('makes values bad when the device is offline, and uncertain when it is silent', async () => {
    const { read } = await open();
    await device.status();
    await device.result();
    await waitFor(async () => expect((await read('belt/Verdict')).statusCode).toBe(StatusCodes.Good));
    await waitFor(async () =>
      expect((await read('belt/Verdict')).statusCode).toBe(StatusCodes.UncertainLastUsableValue),
    );
    await device.status({ state: 'offline' });
    await waitFor(async () => expect((await read('belt/Verdict')).statusCode).toBe(StatusCodes.BadNoCommunication));
    expect(await read('State')).toMatchObject({ statusCode: StatusCodes.Good, value: { value: 'offline' } });
    await device.status();
    await waitFor(async () => expect((await read('belt/Verdict')).statusCode).toBe(StatusCodes.Good));
  });

  it('sends the commands of a user, and shows what the device answers', async () => {
    const { session, id } = await open(OPERATOR);
    await device.status();
    await waitFor(async () => expect((await session.browse(id('belt'))).references).not.toEqual([]));
    const trigger = await call(session, id('belt'), 'Trigger');
    expect(trigger).toMatchObject({
      statusCode: StatusCodes.Good,
      outputs: [true, '', 3, 'reject', 1.5, expect.any(String)],
    });
    const recipe = (value: string) => call(session, id('belt'), 'SetRecipe', [{ dataType: DataType.String, value }]);
    expect((await recipe('cap')).outputs).toEqual([true, '', 3]);
    expect((await recipe('')).outputs).toEqual([true, '', 3]);
    expect((await recipe('screw')).outputs).toEqual([false, expect.stringMatching(/no class "screw"/), 3]);
    expect(device.asked).toEqual([
      { name: 'trigger', args: { camera: 'belt' } },
      ...['cap', null, 'screw'].map((name) => ({ name: 'recipe', args: { camera: 'belt', class: name } })),
    ]);
  });

  it('lets nobody write, and only its user call', async () => {
    const anonymous = await open();
    await device.status();
    await waitFor(async () => expect((await anonymous.read('belt/State')).statusCode).toBe(StatusCodes.Good));
    const asked = device.asked.length;
    expect((await call(anonymous.session, anonymous.id('belt'), 'Trigger')).statusCode).toBe(
      StatusCodes.BadUserAccessDenied,
    );
    await expect(client.createSession({ ...OPERATOR, password: 'guess' } as UserIdentityInfo)).rejects.toThrow(
      /BadUserAccessDenied|BadIdentityTokenRejected/,
    );
    const { session, id } = await open(OPERATOR);
    for (const user of [session, anonymous.session]) {
      const value = { value: { dataType: DataType.Double, value: 0 } };
      const status = await user.write({ nodeId: id('belt/Score'), attributeId: AttributeIds.Value, value });
      expect(status).toBe(StatusCodes.BadNotWritable);
    }
    expect(device.asked).toHaveLength(asked);
  });

  it('takes an encrypted connection once the certificate of the client is trusted', async () => {
    const encrypted = async () => {
      const secure = OPCUAClient.create({
        endpointMustExist: false,
        securityMode: MessageSecurityMode.SignAndEncrypt,
        securityPolicy: SecurityPolicy.Basic256Sha256,
        connectionStrategy: { maxRetry: 0 },
        transportTimeout: 60_000,
        clientCertificateManager: new OPCUACertificateManager({
          rootFolder: join(folder, 'secure-client'),
          automaticallyAcceptUnknownCertificate: true,
        }),
      });
      try {
        await secure.connect(gateway.url);
        const session = await secure.createSession();
        await session.close();
      } finally {
        await secure.disconnect();
      }
    };
    // The server may hang up before its reason is read: what counts is that it laid the certificate aside.
    await expect(encrypted()).rejects.toThrow();
    const rejected = join(folder, 'server', 'rejected');
    await waitFor(async () => expect(await readdir(rejected)).toHaveLength(1));
    const [certificate] = (await readdir(rejected)) as [string];
    await rename(join(rejected, certificate), join(folder, 'server', 'trusted', 'certs', certificate));
    await waitFor(encrypted);
  });

  it('offers encrypted connections only where others than this machine reach it', async () => {
    const open = await startGateway({
      ...{ broker: broker.url, host: '0.0.0.0', port: await freePort(), pki: join(folder, 'server'), staleMs: 2000 },
    });
    closers.push(() => open.close());
    const port = new URL(open.url.replace('opc.tcp', 'http')).port;
    const curious = OPCUAClient.create({
      endpointMustExist: false,
      clientCertificateManager: new OPCUACertificateManager({ rootFolder: join(folder, 'client') }),
    });
    await curious.connect(`opc.tcp://127.0.0.1:${port}`);
    closers.push(() => curious.disconnect());
    const endpoints = await curious.getEndpoints();
    expect(endpoints.length).toBeGreaterThan(0);
    expect(new Set(endpoints.map(({ securityMode }) => securityMode))).toEqual(
      new Set([MessageSecurityMode.SignAndEncrypt]),
    );
  });

  it('is a command that says where it listens, and ends in good order', async () => {
    const port = await freePort();
    const program = join(ROOT, 'examples/dist/opcua.js');
    const args = ['--broker', broker.url, '--port', `${port}`, '--pki', join(folder, 'command')];
    const running = start(process.execPath, [program, ...args]);
    closers.push(async () => {
      running.process.kill('SIGKILL');
      await running.ended;
    });
    // Makes a key and loads the standard's nodes first: seconds of computing.
    const url = `opc.tcp://127.0.0.1:${port}/beltsight`;
    await vi.waitFor(() => expect(running.output()).toContain(`OPC UA at ${url}`), { timeout: 120_000, interval: 100 });
    running.process.kill('SIGTERM');
    expect(await running.ended).toBe(0);
  });
});
