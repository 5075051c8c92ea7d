import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, reachable, start } from './processes.js';

const run = promisify(execFile);

/** A broker that can be ended, killed and started again at the same port. */
export interface Broker {
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  /** What it logged since the last start. */
  log(): string;
  start(): Promise<void>;
  /** Sends a signal: SIGKILL is what a power cut does, SIGHUP has mosquitto read its files anew. */
  signal(signal: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

export interface BrokerOptions {
  /** Further lines of configuration; `{folder}` names the broker's own. */
  readonly lines?: readonly string[];
  /** Files in that folder, by name. */
  readonly files?: Readonly<Record<string, string>>;
  readonly address?: string;
  /** Default: a free one. */
  readonly port?: number | undefined;
  /** Logs every packet. */
  readonly verbose?: boolean;
  /** What comes before the command, to run it elsewhere. */
  readonly prefix?: readonly string[];
}

/** Debian's mosquitto: MQTT 5 and 3.1.1. Anonymous clients are let in unless the lines say otherwise. */
export function startMosquitto(options: BrokerOptions = {}): Promise<Broker> {
  return startBroker('mosquitto', options, (port, address, lines) => ({
    command: '/usr/sbin/mosquitto',
    file: 'mosquitto.conf',
    text: ['user root', `listener ${port} ${address}`, ...anonymous(lines), ...lines, ''].join('\n'),
    args: [...(options.verbose ? ['-v'] : []), '-c'],
  }));
}

/** Debian's nats-server: MQTT 3.1.1 only, over TCP and, with lines of configuration, WebSockets. */
export function startNats(options: BrokerOptions = {}): Promise<Broker> {
  return startBroker('nats', options, (port, address, lines) => ({
    command: '/usr/sbin/nats-server',
    file: 'nats.conf',
    text: [
      'server_name: plant',
      'port: -1',
      'jetstream { store_dir: "{folder}" }',
      `mqtt { host: "${address}", port: ${port} }`,
      ...lines,
      '',
    ].join('\n'),
    args: ['-c'],
  }));
}

/** Lines of a mosquitto password file. */
export async function mosquittoPasswords(folder: string, users: Readonly<Record<string, string>>): Promise<string> {
  const file = join(folder, 'passwords');
  await writeFile(file, '');
  for (const [user, password] of Object.entries(users)) await run('mosquitto_passwd', ['-b', file, user, password]);
  return file;
}

interface Program {
  readonly command: string;
  readonly file: string;
  readonly text: string;
  readonly args: readonly string[];
}

async function startBroker(
  name: string,
  { lines = [], files = {}, address = '127.0.0.1', port: wanted, prefix = [] }: BrokerOptions,
  programOf: (port: number, address: string, lines: readonly string[]) => Program,
): Promise<Broker> {
  const port = wanted ?? (await freePort());
  const folder = await mkdtemp(join(tmpdir(), `beltsight-${name}-`));
  const { command, file, text, args } = programOf(port, address, lines);
  for (const [at, content] of Object.entries(files)) await writeFile(join(folder, at), content);
  await writeFile(join(folder, file), text.replaceAll('{folder}', folder));
  let running: ReturnType<typeof start> | undefined;
  const broker: Broker = {
    port,
    url: `mqtt://${address}:${port}`,
    folder,
    log: () => running?.output() ?? '',
    async start() {
      const [program, ...rest] = [...prefix, command, ...args, join(folder, file)];
      running = start(program as string, rest);
      await reachable(port, address, running);
    },
    async signal(signal) {
      running?.process.kill(signal);
      if (signal !== 'SIGHUP') await running?.ended;
    },
    async stop() {
      await broker.signal('SIGTERM');
      await rm(folder, { recursive: true });
    },
  };
  await broker.start();
  return broker;
}

function anonymous(lines: readonly string[]): string[] {
  return lines.some((line) => line.startsWith('allow_anonymous')) ? [] : ['allow_anonymous true'];
}
