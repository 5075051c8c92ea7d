import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Root of the repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A process with what it printed. */
export interface Running {
  readonly process: ChildProcess;
  readonly output: () => string;
  /** Resolves with its exit status, or the signal that killed it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

export function start(command: string, args: readonly string[], options: { cwd?: string } = {}): Running {
  const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals | null);
  return { process: child, output: () => output, ended };
}

/** The built device command. */
export const startDevice = (...args: string[]) =>
  start(process.execPath, [join(ROOT, 'device/bin/beltsight-device.mjs'), ...args]);

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A mosquitto broker (MQTT 5) on loopback, with further lines of configuration. */
export async function startMosquitto(
  extra = '',
  port?: number,
): Promise<{ port: number; url: string; stop(): Promise<void> }> {
  const chosen = port ?? (await freePort());
  const folder = await mkdtemp(join(tmpdir(), 'beltsight-mosquitto-'));
  const file = join(folder, 'mosquitto.conf');
  await writeFile(file, `listener ${chosen} 127.0.0.1\nallow_anonymous true\nuser root\n${extra}\n`);
  const broker = start('/usr/sbin/mosquitto', ['-c', file]);
  await reachable(chosen, broker);
  return {
    port: chosen,
    url: `mqtt://127.0.0.1:${chosen}`,
    async stop() {
      broker.process.kill();
      await broker.ended;
      await rm(folder, { recursive: true });
    },
  };
}

async function reachable(port: number, { output, process: { exitCode } }: Running): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const socket = connect(port, '127.0.0.1');
    const there = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (there) return;
    await sleep(50);
  }
  throw new Error(`No broker on port ${port} (status ${exitCode}): ${output()}`);
}

/** Remote ends of all network sockets of a process, as "address:port" in the hex of /proc/net. */
export function remotesOf(pid: number): string[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`).match(/^socket:\[(\d+)\]$/)?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  return ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((protocol) =>
    readFileSync(`/proc/${pid}/net/${protocol}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => inodes.has(fields[9] ?? ''))
      .map((fields) => fields[2] as string),
  );
}
