import mqttPacket, { type Packet } from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { waitFor } from '../../../test/support/patience.js';
import { PACKETS, scriptedBroker } from '../../../test/support/scripted-broker.js';
import { topicsOf } from '../topics.js';
import { connectMqtt } from './connect.js';
import { CommandRequests } from './requests.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const ADDRESS = { site: 's', line: 'l', device: 'd' };
const COMMAND = topicsOf(ADDRESS).command('pause');

/** A broker that acknowledges no message on its first connection, and can hang up; `heard` are the packets of each connection. */
async function deafBroker(version: 4 | 5) {
  const heard: string[][] = [];
  let away = false;
  const { url, stop } = await scriptedBroker((socket) => {
    if (away) {
      socket.destroy();
      return;
    }
    const packets: string[] = [];
    const deaf = heard.length === 0;
    heard.push(packets);
    socket.write(version === 5 ? PACKETS.connack5 : PACKETS.connack4);
    const options = { protocolVersion: version };
    const parser = mqttPacket.parser(options);
    parser.on('packet', (packet) => {
      const { cmd, messageId = 0 } = packet;
      packets.push(cmd === 'publish' ? packet.topic : cmd);
      const answer = (sent: Packet) => socket.write(mqttPacket.generate(sent, options));
      if (cmd === 'subscribe') answer({ cmd: 'suback', messageId, granted: [1] });
      if (cmd === 'publish' && packet.qos === 1 && !deaf) answer({ cmd: 'puback', messageId });
    });
    socket.on('data', (chunk) => parser.parse(chunk));
  });
  closers.push(stop);
  const client = await connectMqtt(url, {}, { version, longestWaitMs: 20 });
  closers.push(() => client.endAsync(true));
  const leave = async () => {
    away = true;
    client.stream.destroy();
    await waitFor(() => expect(client.connected).toBe(false));
  };
  const comeBack = async () => {
    const before = heard.length;
    away = false;
    if (client.connected) client.stream.destroy();
    await waitFor(() => expect(heard.length).toBeGreaterThan(before));
    await waitFor(() => expect(client.connected).toBe(true));
    // Whatever is sent again comes before this.
    await client.publishAsync('end', '');
    await waitFor(() => expect(heard.at(-1)).toContain('end'));
    return heard.at(-1);
  };
  return { client, heard, leave, comeBack };
}

describe.each([4, 5] as const)('CommandRequests, with MQTT version %i', (version) => {
  it('send no command while the broker is away, nor once it is back', async () => {
    const { client, leave, comeBack } = await deafBroker(version);
    await leave();
    const asked = new CommandRequests(client).ask(ADDRESS, 'pause', { paused: false });
    await expect(asked).rejects.toMatchObject({
      code: 'BROKER_UNREACHABLE',
      message: expect.stringMatching(/pause was not sent/),
    });
    expect(await comeBack()).toEqual(['end']);
  });

  it('take back a command that the broker had not taken in time', async () => {
    const { client, heard, leave, comeBack } = await deafBroker(version);
    const asked = new CommandRequests(client).ask(ADDRESS, 'pause', { paused: false }, { timeoutMs: 300 });
    await waitFor(() => expect(heard[0]).toEqual(['subscribe', COMMAND]));
    await leave();
    await expect(asked).rejects.toMatchObject({ code: 'COMMAND_TIMEOUT' });
    const first = (await comeBack())?.filter((cmd) => cmd !== 'unsubscribe');
    expect([first, await comeBack()]).toEqual([['end'], ['end']]);
  });

  it('do not mind a client that was closed meanwhile', async () => {
    const { client } = await deafBroker(version);
    const subscribed = new Promise((resolve) => client.once('packetreceive', resolve));
    const asked = new CommandRequests(client).ask(ADDRESS, 'pause', { paused: false }, { timeoutMs: 200 });
    const failed = expect(asked).rejects.toMatchObject({ code: 'COMMAND_TIMEOUT' });
    await subscribed;
    await client.endAsync(true);
    await failed;
  });
});
