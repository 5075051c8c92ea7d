import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';

/** A path through which clients reach a broker, and which fails as networks do. */
export class FaultyPath {
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  /** What TLS clients asked for. */
  readonly asked: { alpn: string | false | null; serverName: string | false | null }[] = [];
  #accepting = true;
  #delayMs = 0;

  private constructor(
    private readonly server: Server,
    private readonly target: number,
  ) {
    server.on(isTls(server) ? 'secureConnection' : 'connection', (socket: Socket) => this.#accept(socket));
  }

  /** @param tls speaks TLS to clients, and plainly to the broker */
  static async start(target: number, tls?: TlsOptions): Promise<FaultyPath> {
    const server = tls ? createTlsServer(tls) : createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FaultyPath(server, target);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Connections there are now stay half-open: neither bytes nor their end pass any more. New ones pass. */
  freeze(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.pause().removeAllListeners('data');
    for (const [client, broker] of this.#pairs) {
      client.removeAllListeners('close').on('error', () => undefined);
      broker.removeAllListeners('close').on('error', () => undefined);
    }
  }

  /** Whether new connections are taken; those that are not hang without an answer. */
  set accepting(accepting: boolean) {
    this.#accepting = accepting;
  }

  /** Every chunk, either way, comes so much later. */
  set delayMs(ms: number) {
    this.#delayMs = ms;
  }

  /** Breaks all connections. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  #accept(client: Socket): void {
    if (isTls(this.server)) {
      const { alpnProtocol, servername } = client as TLSSocket & { servername?: string | false };
      this.asked.push({ alpn: alpnProtocol, serverName: servername ?? null });
    }
    const broker = connect(this.target, '127.0.0.1');
    const pair = [client, broker] as const;
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on('error', () => undefined).on('close', end);
    if (!this.#accepting) return;
    this.#pass(client, broker);
    this.#pass(broker, client);
  }

  #pass(from: Socket, to: Socket): void {
    from.on('data', (chunk) => {
      if (this.#delayMs === 0) to.write(chunk);
      else setTimeout(() => to.write(chunk), this.#delayMs);
    });
  }
}

function isTls(server: Server): boolean {
  return 'setSecureContext' in server;
}
