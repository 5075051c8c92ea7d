import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** Packets that a broker sends, byte for byte (MQTT 5 sections 3.2, 3.14; MQTT 3.1.1 section 3.2). */
export const PACKETS = {
  connack5: Uint8Array.of(0x20, 3, 0, 0, 0),
  /** With a topic alias maximum of 10. */
  connackAliases: Uint8Array.of(0x20, 6, 0, 0, 3, 0x22, 0, 10),
  connack4: Uint8Array.of(0x20, 2, 0, 0),
  puback: (id: Uint8Array) => Uint8Array.of(0x40, 2, ...id),
  pingresp: Uint8Array.of(0xd0, 0),
  /** CONNACK of MQTT 5 that refuses. */
  refuse5: (reason: number) => Uint8Array.of(0x20, 3, 0, reason, 0),
  disconnect5: (reason: number) => Uint8Array.of(0xe0, 2, reason, 0),
} as const;

export interface ScriptedBroker {
  readonly url: string;
  /** Protocol versions that clients asked for, in order. */
  readonly asked: number[];
  stop(): Promise<void>;
}

/** A broker that answers each CONNECT as a script says, and each ping. */
export async function scriptedBroker(
  answer: (socket: Socket, version: number, attempt: number) => void,
): Promise<ScriptedBroker> {
  const asked: number[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      const kind = (chunk[0] as number) >> 4;
      if (kind === 12) socket.write(PACKETS.pingresp);
      if (kind !== 1) return;
      // After the fixed header (two bytes where the packet is short) and the name "MQTT".
      const version = chunk[chunk.indexOf('MQTT') + 4] as number;
      asked.push(version);
      answer(socket, version, asked.length);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
