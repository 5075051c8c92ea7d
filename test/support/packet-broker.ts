import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { generate, type IConnackPacket, type IPublishPacket, type Packet, parser as parserOf } from 'mqtt-packet';

const VERSION = { protocolVersion: 5 };

/** A client's connection, and what came over it. */
export interface Connection {
  /** Counts from 1. */
  readonly number: number;
  readonly heard: Packet[];
  send(packet: Packet): void;
  acknowledge(message: IPublishPacket): void;
  end(): void;
}

export interface PacketBroker {
  readonly url: string;
  readonly connections: readonly Connection[];
  /** Everything that was published, in order, over all connections. */
  readonly published: readonly IPublishPacket[];
  stop(): Promise<void>;
}

/**
 * An MQTT 5 broker that keeps nothing and passes nothing on: for what brokers do that a good one does not.
 * @param sees hears each packet; where it says true it has seen to it, otherwise the packet is answered as brokers do
 * @param properties of its CONNACK
 */
export async function packetBroker(
  sees: (packet: Packet, connection: Connection) => boolean = () => false,
  properties: IConnackPacket['properties'] = {},
): Promise<PacketBroker> {
  const connections: Connection[] = [];
  const published: IPublishPacket[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    const connection: Connection = {
      number: connections.length + 1,
      heard: [],
      send: (packet) => void (socket.writable && socket.write(generate(packet, VERSION))),
      acknowledge: ({ messageId }) => connection.send({ cmd: 'puback', messageId: messageId as number, reasonCode: 0 }),
      end: () => socket.destroy(),
    };
    connections.push(connection);
    const parser = parserOf(VERSION);
    parser.on('packet', (packet) => {
      connection.heard.push(packet);
      if (packet.cmd === 'publish') published.push(packet);
      if (!sees(packet, connection)) answer(packet, connection, properties);
    });
    socket.on('data', (chunk) => parser.parse(chunk));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
    published,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function answer(packet: Packet, connection: Connection, properties: IConnackPacket['properties']): void {
  if (packet.cmd === 'connect')
    connection.send({ cmd: 'connack', reasonCode: 0, sessionPresent: false, properties } as IConnackPacket);
  else if (packet.cmd === 'pingreq') connection.send({ cmd: 'pingresp' });
  else if (packet.cmd === 'subscribe') {
    const granted = packet.subscriptions.map(({ qos }) => qos);
    connection.send({ cmd: 'suback', messageId: packet.messageId as number, granted } as Packet);
  } else if (packet.cmd === 'publish' && packet.qos === 1) connection.acknowledge(packet);
}
