import { once } from 'node:events';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { BeltsightError, type CommandName, type DeviceAddress, type ReplyMessage } from '@beltsight/sdk';
import type { Logger } from 'pino';
import { failure } from '../reply.js';
import { MAX_REQUEST_BYTES, readRequest } from '../request.js';
import type { CommandRunner } from '../runner.js';
import { localRequestSchema, NAME_BYTES } from './protocol.js';

const CONNECTIONS = 8;
/** Owner and group may command. */
const MODE = 0o660;
/** A request must be there after this. */
const REQUEST_MS = 10_000;

/** Takes commands from the device itself, over a Unix socket that its owner and group may use. */
export class LocalCommands {
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly device: DeviceAddress,
    private readonly runner: CommandRunner,
    private readonly logger: Pick<Logger, 'warn'>,
  ) {
    server.maxConnections = CONNECTIONS;
    server.on('connection', (socket) => this.#serve(socket));
  }

  /** @throws BeltsightError IO_FAILED if the socket cannot be made, or another service listens there */
  static async open(
    path: string,
    device: DeviceAddress,
    runner: CommandRunner,
    logger: Pick<Logger, 'warn'>,
  ): Promise<LocalCommands> {
    if (Buffer.byteLength(path) >= NAME_BYTES) {
      throw new BeltsightError('IO_FAILED', `${path} is too long for a socket: choose a shorter state folder.`);
    }
    const server = createServer({ allowHalfOpen: true });
    const commands = new LocalCommands(server, device, runner, logger);
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o750 });
      if (await listens(path)) throw new Error('another service listens there; give each its own state folder');
      // What a killed service left behind.
      await rm(path, { force: true });
      server.listen(path);
      await once(server, 'listening');
      await chmod(path, MODE);
    } catch (cause) {
      server.close();
      throw new BeltsightError('IO_FAILED', `${path} cannot take commands: ${(cause as Error).message}.`, { cause });
    }
    server.on('error', (error) => logger.warn({ err: error }, `${path}: ${error.message}`));
    return commands;
  }

  /** Ends all connections, and takes the socket away. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.#sockets) socket.destroySoon();
    await closed;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // One who hangs up early has lost interest.
    socket.on('error', () => undefined);
    socket.setTimeout(REQUEST_MS, () => socket.destroy());
    const chunks: Buffer[] = [];
    let bytes = 0;
    let answered = false;
    const answer = () => {
      if (answered) return;
      answered = true;
      socket.setTimeout(0);
      const line = Buffer.concat(chunks);
      const end = line.indexOf('\n');
      this.#answer(end < 0 ? line : line.subarray(0, end)).then(
        (reply) => {
          socket.end(`${JSON.stringify(reply)}\n`);
          // One who does not hang up must not keep the place of another.
          socket.setTimeout(REQUEST_MS);
        },
        (error: unknown) => {
          this.logger.warn({ err: error }, `A local command was not answered: ${(error as Error).message}`);
          socket.destroy();
        },
      );
    };
    socket.on('data', (chunk: Buffer) => {
      if (answered) return;
      chunks.push(chunk);
      bytes += chunk.length;
      if (chunk.includes('\n') || bytes > MAX_REQUEST_BYTES) answer();
    });
    socket.on('end', answer);
  }

  async #answer(line: Buffer): Promise<ReplyMessage> {
    const arrived = performance.now();
    const request = readRequest(line, localRequestSchema, Date.now());
    const latencyMs = () => performance.now() - arrived;
    if ('problem' in request) return failure({ command: '', id: request.id ?? '', latencyMs }, request.problem);
    const { command, id, args, device } = request.message;
    if (addressOf(device) !== addressOf(this.device)) {
      const text = `This is device ${addressOf(this.device)}, not ${addressOf(device)}: give the configuration that the service runs with.`;
      return failure({ command, id, latencyMs }, new BeltsightError('COMMAND_REFUSED', text));
    }
    return this.runner.run(command as CommandName, args, { source: 'local', id });
  }
}

const addressOf = ({ site, line, device }: DeviceAddress) => `${site}/${line}/${device}`;

/** Whether somebody answers at the socket. */
async function listens(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
