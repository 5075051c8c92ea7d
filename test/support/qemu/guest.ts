import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { file, folder, initramfs } from './initramfs.js';
import { bootFile, moduleOrder } from './kernel.js';
import type { GuestArch } from './packages.js';

/** A virtual machine with another kernel. Its processor is emulated: no KVM is needed, and nothing touches the host's kernel. */
export interface GuestOptions {
  readonly arch: GuestArch;
  /** Unpacked packages with the kernel. */
  readonly packages: string;
  /** Folder that the guest has, read-only, as its root. */
  readonly root: string;
  /** Folder that the guest has, read-only, at /run/app. */
  readonly app: string;
  /** Modules to load, with their parameters, beside those that the shared folders need. */
  readonly modules: readonly { readonly name: string; readonly file?: string; readonly parameters?: string }[];
  /** What to run. Lines of it with JSON behind `@@` are its answers. */
  readonly command: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Hears every line of the console. */
  readonly onLine?: (line: string) => void;
}

/** Begins a line that is not the kernel's. */
const MARK = '@@';

const SHARES = ['virtio_pci', '9pnet_virtio', '9p'];

const MACHINES: Readonly<Record<GuestArch, readonly [program: string, console: string, ...args: string[]]>> = {
  x64: ['qemu-system-x86_64', 'ttyS0', '-machine', 'q35', '-cpu', 'Nehalem'],
  arm64: ['qemu-system-aarch64', 'ttyAMA0', '-machine', 'virt', '-cpu', 'cortex-a72'],
};

/**
 * Boots a guest, runs its command and ends it.
 * @returns the answers of the command, parsed
 * @throws Error with the console's output if the guest does not end by itself in time
 */
export async function runGuest<T>(options: GuestOptions): Promise<T[]> {
  const temporary = mkdtempSync(join(tmpdir(), 'beltsight-guest-'));
  try {
    const image = join(temporary, 'initramfs.gz');
    writeFileSync(image, makeInitramfs(options));
    const [program, tty, ...machine] = MACHINES[options.arch];
    const qemu = spawn(
      program,
      [
        ...machine,
        ...[
          '-accel',
          'tcg,thread=multi',
          '-smp',
          '2',
          '-m',
          '1024',
          '-no-reboot',
          '-nodefaults',
          '-nographic',
          '-serial',
          'stdio',
        ],
        ...['-kernel', bootFile(options.packages), '-initrd', image],
        ...['-append', `console=${tty} quiet loglevel=1 panic=-1 mitigations=off no_timer_check`],
        ...share('guestroot', options.root),
        ...share('app', options.app),
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const stop = () => qemu.kill('SIGKILL');
    process.once('exit', stop);
    const timer = setTimeout(stop, options.timeoutMs);
    let console_ = '';
    qemu.stderr.on('data', (chunk) => (console_ += chunk));
    const answers: T[] = [];
    createInterface({ input: qemu.stdout }).on('line', (line) => {
      options.onLine?.(line);
      const at = line.indexOf(MARK);
      if (at < 0) console_ += `${line}\n`;
      else answers.push(JSON.parse(line.slice(at + MARK.length)));
    });
    const [code, signal] = await once(qemu, 'close');
    clearTimeout(timer);
    process.off('exit', stop);
    if (code === 0 && console_.includes(ENDED)) return answers;
    const last = JSON.stringify(answers.at(-1));
    throw new Error(`The ${options.arch} guest ended with ${code ?? signal}; its last answer is ${last}:\n${console_}`);
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

/** The guest prints it when its command ended with status 0. */
const ENDED = 'guest command succeeded';

const share = (tag: string, path: string) => [
  '-virtfs',
  `local,path=${path},mount_tag=${tag},security_model=none,readonly=on,multidevs=remap`,
];

/** Folders that the guest mounts over: its root has to have them. */
const MOUNT_POINTS = ['proc', 'sys', 'dev', 'run', 'tmp'];

function makeInitramfs({ packages, modules, command, environment = {} }: GuestOptions): Buffer {
  const extra = modules.flatMap(({ file: path }) => path ?? []);
  const order = moduleOrder(packages, [...SHARES, ...modules.map(({ name }) => name)], extra);
  const parameters = new Map(modules.map(({ name, parameters: text = '' }) => [name, text]));
  const mount = 'mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144';
  const variables = Object.entries({ PATH: '/bin:/usr/bin', HOME: '/run', TMPDIR: '/run', ...environment }).map(
    ([name, value]) => `${name}=${value}`,
  );
  const init = [
    '#!/bin/busybox sh',
    '/bin/busybox --install -s /bin',
    ...order.map(({ name }) => `insmod /modules/${name}.ko ${parameters.get(name) ?? ''}`),
    '/bin/busybox ifconfig lo 127.0.0.1 up',
    `${mount} guestroot /guest`,
    'mount -t proc proc /guest/proc',
    'mount -t sysfs sysfs /guest/sys',
    'mount -t devtmpfs devtmpfs /guest/dev',
    'mount -t tmpfs tmpfs /guest/tmp',
    'mount -t tmpfs tmpfs /guest/run',
    'mkdir /guest/run/app',
    `${mount} app /guest/run/app`,
    `env -i ${variables.join(' ')} chroot /guest ${command} && echo '${ENDED}'`,
    // With -no-reboot, this ends the emulator on every machine.
    'reboot -f',
  ];
  return initramfs([
    ...['bin', 'modules', 'guest', 'dev'].map(folder),
    file('bin/busybox', readFileSync(join(packages, 'bin/busybox'))),
    ...order.map(({ name, file: path }) => file(`modules/${name}.ko`, readFileSync(path))),
    file('init', `${init.join('\n')}\n`),
  ]);
}

/** Makes the folders that a guest mounts over. */
export function makeMountPoints(root: string): void {
  for (const name of MOUNT_POINTS) mkdirSync(join(root, name), { recursive: true });
}
