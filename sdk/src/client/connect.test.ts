import type { Socket } from 'node:net';
import type { MqttClient } from 'mqtt';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { waitFor } from '../../../test/support/patience.js';
import { PACKETS, scriptedBroker } from '../../../test/support/scripted-broker.js';
import { connectMqtt } from './connect.js';
import type { ConnectOptions } from './link.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closers.splice(0).reverse()) await close();
});

const accept = (socket: Socket, version: number) => socket.write(version === 5 ? PACKETS.connack5 : PACKETS.connack4);

async function broker(answer: Parameters<typeof scriptedBroker>[0]) {
  const started = await scriptedBroker(answer);
  closers.push(() => started.stop());
  return started;
}

/** Connects; what is reported is collected. */
async function connect(url: string, how: ConnectOptions = {}, options: Parameters<typeof connectMqtt>[1] = {}) {
  const reports: { message: string; retryMs: number }[] = [];
  const report: ConnectOptions['report'] = ({ message }, retryMs) => reports.push({ message, retryMs });
  const client = await connectMqtt(url, options, { longestWaitMs: 20, report, ...how });
  closers.push(() => client.endAsync(true));
  return { client, reports };
}

const back = (client: MqttClient) => waitFor(() => expect(client.connected).toBe(true));

describe('connectMqtt', () => {
  it('speaks MQTT 3.1.1 to a broker that refuses 5, from then on', async () => {
    const { url, asked } = await broker((socket, version) => {
      if (version === 5) socket.write(PACKETS.refuse5(0x84));
      else accept(socket, version);
    });
    const { client } = await connect(url);
    client.stream.destroy();
    await waitFor(() => expect(asked).toEqual([5, 4, 4]));
  });

  it('tries 5 again where the broker only hung up', async () => {
    const { url, asked } = await broker((socket, version, attempt) => {
      if (attempt === 1) socket.destroy();
      else accept(socket, version);
    });
    const { client } = await connect(url);
    client.stream.destroy();
    await waitFor(() => expect(asked).toEqual([5, 4, 5]));
  });

  it('stays with 5 on a broker that has proved to speak it, and finds a lesser one in its place', async () => {
    const { url, asked } = await broker((socket, version, attempt) => {
      if (attempt === 2) socket.destroy();
      else if (attempt > 3 && version === 5) socket.write(PACKETS.refuse5(0x84));
      else accept(socket, version);
    });
    const { client } = await connect(url);
    client.stream.destroy();
    await waitFor(() => expect(asked).toEqual([5, 5, 5]));
    await back(client);
    client.stream.destroy();
    await waitFor(() => expect(asked).toEqual([5, 5, 5, 5, 5, 4]));
  });

  it('speaks no other version than the one it is told', async () => {
    const { url, asked } = await broker((socket) => socket.destroy());
    await expect(connect(url, { version: 5 })).rejects.toThrow(/without an answer/);
    expect(asked).toEqual([5]);
  });

  it.each([
    [0x86, /check user name and password/],
    [0x87, /check user name and password, and give this user .* the right to connect/],
    [0x85, /choose another client id/],
    [0x89, /busy or going down/],
    [0x8a, /banned this client/],
  ])('says what to do about the refusal %i', async (reason, remedy) => {
    const { url } = await broker((socket) => socket.write(PACKETS.refuse5(reason)));
    await expect(connect(url)).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE', message: remedy });
  });

  it('says that another client has taken its id, and waits long', async () => {
    const { url } = await broker((socket, version, attempt) => {
      accept(socket, version);
      if (attempt === 1) socket.end(PACKETS.disconnect5(0x8e));
    });
    const { client, reports } = await connect(url, { longestWaitMs: 400 }, { clientId: 'twin' });
    await waitFor(() => expect(reports).toHaveLength(1));
    expect(reports[0]?.message).toMatch(/"twin" taken over\): another client .* same client id: give each its own/);
    expect(reports[0]?.retryMs).toBeGreaterThanOrEqual(200);
    await back(client);
  });

  it('asks for options before every attempt, and outlives a failure of that', async () => {
    const { url } = await broker((socket, version) => accept(socket, version));
    let reads = 0;
    const read = () => {
      if (++reads === 2) throw new Error('no such file');
      return { username: `user ${reads}` };
    };
    const { client, reports } = await connect(url, { source: { read } });
    client.stream.destroy();
    await waitFor(() => expect(client.options.username).toBe('user 3'));
    await back(client);
    expect(reports.at(-1)?.message).toMatch(/no such file/);
  });

  it('connects anew when its source says so, without a wait, and says goodbye first', async () => {
    const received: number[] = [];
    const { url, asked } = await broker((socket, version) => {
      accept(socket, version);
      socket.on('data', (chunk) => received.push(...chunk));
    });
    let renew = () => undefined as unknown;
    const watch = (listener: () => void) => {
      renew = listener;
      return () => undefined;
    };
    const { client, reports } = await connect(url, { source: { read: () => ({}), watch } });
    renew();
    await waitFor(() => expect(asked).toHaveLength(2));
    await back(client);
    expect(received.slice(0, 2)).toEqual([0xe0, 0]);
    expect(reports).toEqual([]);
  });

  it('tries until there is a broker where it shall, and ends that at the signal', async () => {
    let answering = false;
    const { url, asked } = await broker((socket, version) => {
      if (answering) accept(socket, version);
      else socket.destroy();
    });
    const persistent = connect(url, { persist: true });
    await waitFor(() => expect(asked.length).toBeGreaterThan(3));
    answering = true;
    await back((await persistent).client);
    const giving = new AbortController();
    const never = connect('mqtt://127.0.0.1:9', { persist: true, signal: giving.signal, longestWaitMs: 3_600_000 });
    giving.abort();
    await expect(never).rejects.toThrow(/ECONNREFUSED/);
  });

  it('does not come back once it was ended, nor where it shall not reconnect', async () => {
    const { url, asked } = await broker((socket, version) => accept(socket, version));
    const { client } = await connect(url);
    await client.endAsync(true);
    const { client: once } = await connect(url, {}, { reconnectPeriod: 0 });
    once.stream.destroy();
    await waitFor(() => expect(once.connected).toBe(false));
    const { client: third } = await connect(url);
    await back(third);
    expect(asked).toEqual([5, 5, 5]);
  });

  it.each([-10, 10])('lives through a clock that steps by %i years', async (years) => {
    let pings = 0;
    const { url, asked } = await broker((socket, version) => {
      accept(socket, version);
      socket.on('data', ([kind]) => {
        if (kind === 0xc0) pings++;
      });
    });
    vi.useFakeTimers({ toFake: ['Date'] });
    const { client, reports } = await connect(url, {}, { keepalive: 1 });
    vi.setSystemTime(Date.now() + years * 365 * 86_400_000);
    const before = pings;
    await waitFor(() => expect(pings).toBeGreaterThan(before + 1));
    expect([client.connected, asked.length, reports]).toEqual([true, 1, []]);
    client.stream.destroy();
    await waitFor(() => expect(asked).toHaveLength(2));
    await back(client);
    expect(reports.every(({ retryMs }) => retryMs <= 20)).toBe(true);
  });
});
