import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Packet, parser as parserOf } from 'mqtt-packet';

/** A packet on the wire between the edge node and its broker, or the end of a connection. */
export interface Seen {
  /** Counts the connections, from 0. */
  readonly connection: number;
  /** `out`: from the edge node; `in`: to it. */
  readonly way: 'out' | 'in';
  readonly packet: Packet | { readonly cmd: 'close' };
  readonly at: number;
}

/** A proxy before a broker that writes down every MQTT packet in order, and can cut the line. */
export interface Tap {
  readonly port: number;
  readonly log: readonly Seen[];
  /** Ends every connection and lets none through until `mend`. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

/** @param brokerPort where the broker listens on loopback */
export async function openTap(brokerPort: number): Promise<Tap> {
  const log: Seen[] = [];
  const open = new Set<Socket>();
  let cut = false;
  let connections = 0;
  const server = createServer((node) => {
    if (cut) {
      node.destroy();
      return;
    }
    const connection = connections++;
    const broker = connect(brokerPort, '127.0.0.1');
    const note = (way: Seen['way'], packet: Seen['packet']) => log.push({ connection, way, packet, at: Date.now() });
    const parsers = { out: parserOf(), in: parserOf() };
    for (const way of ['out', 'in'] as const) {
      parsers[way].on('packet', (packet) => {
        note(way, packet);
        // The version decides how the broker's packets read.
        if (packet.cmd === 'connect') parsers.in = reading('in', packet.protocolVersion ?? 4, note);
      });
    }
    relay(node, broker, (chunk) => parsers.out.parse(chunk));
    relay(broker, node, (chunk) => parsers.in.parse(chunk));
    open.add(node);
    let closed = false;
    const end = () => {
      if (!closed) note('out', { cmd: 'close' });
      closed = true;
      open.delete(node);
      node.destroy();
      broker.destroy();
    };
    for (const socket of [node, broker]) socket.on('close', end).on('error', end);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const hangUp = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    log,
    cut() {
      cut = true;
      hangUp();
    },
    mend() {
      cut = false;
    },
    async close() {
      hangUp();
      server.close();
      await once(server, 'close');
    },
  };
}

function reading(way: 'in', protocolVersion: 3 | 4 | 5, note: (way: 'in', packet: Packet) => void) {
  const parser = parserOf({ protocolVersion } as never);
  return parser.on('packet', (packet: Packet) => note(way, packet)) as ReturnType<typeof parserOf>;
}

function relay(from: Socket, to: Socket, look: (chunk: Buffer) => void): void {
  from.on('data', (chunk: Buffer) => {
    // Written down before it is passed on: whatever it causes comes later in the log.
    look(chunk);
    to.write(chunk);
  });
  from.on('end', () => to.end());
}
