import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import { pino } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { waitFor } from '../../../test/support/patience.js';
import { cameraStatus, status } from '../../../test/support/sparkplug/messages.js';
import { deviceConfigSchema } from '../config/schema.js';
import type { ServiceObserver } from '../service/observer.js';
import { sparkplugObservers } from './observer.js';
import { Session } from './session/session.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of closers.splice(0).reverse()) await close();
});

/** An edge node with the cameras belt and chute, on a broker that does not let it subscribe to some topics. */
async function setUp(...refused: readonly string[]) {
  const published: string[] = [];
  const broker = await Aedes.createBroker({
    authorizeSubscribe: (_client, wanted, done) => done(null, refused.includes(wanted.topic) ? null : wanted),
  });
  broker.on('publish', ({ topic }, client) => {
    if (client) published.push(topic);
  });
  const server = createServer(broker.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const state = await mkdtemp(join(tmpdir(), 'beltsight-edge-node-'));
  const config = deviceConfigSchema.parse({
    site: 's',
    line: 'l',
    device: 'd',
    bundle: 'bundle',
    state,
    broker: { url: `mqtt://127.0.0.1:${port}` },
    cameras: ['belt', 'chute'].map((name) => ({ name, source: { type: 'test' } })),
    sparkplug: {},
  });
  const errors: string[] = [];
  const logger = pino({ level: 'error' }, { write: (line) => errors.push(JSON.parse(line).msg) });
  const [observer] = (await sparkplugObservers({ config, logger })) as ServiceObserver[];
  closers.push(async () => {
    await observer?.close?.();
    await new Promise<void>((resolve) => broker.close(resolve));
    await new Promise((resolve) => server.close(resolve));
    await rm(state, { recursive: true });
  });
  observer?.status?.(status([cameraStatus('belt'), cameraStatus('chute')]));
  return { observer, published, errors, connections: () => broker.connectedClients };
}

describe('EdgeNode', () => {
  it('gives birth where subscriptions are refused, and says which', async () => {
    const { published, errors } = await setUp('spBv1.0/s-l/NCMD/d', 'spBv1.0/s-l/DCMD/d/chute');
    await waitFor(() =>
      expect(published).toEqual(
        expect.arrayContaining(['spBv1.0/s-l/NBIRTH/d', 'spBv1.0/s-l/DBIRTH/d/belt', 'spBv1.0/s-l/DBIRTH/d/chute']),
      ),
    );
    expect(errors).toEqual([
      expect.stringMatching(/refuses the subscription to spBv1\.0\/s-l\/NCMD\/d .*access lists/),
      expect.stringMatching(/refuses the subscription to spBv1\.0\/s-l\/DCMD\/d\/chute /),
    ]);
  });

  it('lets go of a connection on which it cannot subscribe', async () => {
    const subscribe = vi.spyOn(Session.prototype, 'subscribe').mockRejectedValue(new Error('No.'));
    const { observer, connections } = await setUp();
    await waitFor(() => expect(subscribe).toHaveBeenCalled());
    await observer?.close?.();
    await waitFor(() => expect(connections()).toBe(0));
  });
});
