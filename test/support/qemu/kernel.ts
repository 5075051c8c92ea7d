import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Kernel modules by name, each before those that need it. */
export interface Module {
  readonly name: string;
  readonly file: string;
}

/** Version of the kernel that was unpacked at a root folder. */
function kernelVersion(root: string): string {
  const version = readdirSync(join(root, 'lib/modules'))[0];
  if (version === undefined) throw new Error(`${root} has no kernel.`);
  return version;
}

/**
 * The file to boot. On x64 it is the kernel without its wrapper (xz), which QEMU starts by the PVH note: an emulated processor needs
 * seconds to decompress it.
 */
export function bootFile(root: string): string {
  const image = join(root, 'boot', `vmlinuz-${kernelVersion(root)}`);
  const bytes = readFileSync(image);
  // "HdrS" of the x86 boot protocol; payload_offset and payload_length count from the protected-mode code.
  if (bytes.toString('latin1', 0x202, 0x206) !== 'HdrS') return image;
  const plain = join(root, 'boot/vmlinux');
  if (!existsSync(plain)) {
    const start = (bytes.readUInt8(0x1f1) + 1) * 512 + bytes.readUInt32LE(0x248);
    const payload = bytes.subarray(start, start + bytes.readUInt32LE(0x24c));
    const { stdout } = spawnSync('xz', ['-dc', '--single-stream'], { input: payload, maxBuffer: 2 ** 28 });
    if (stdout.toString('latin1', 1, 4) !== 'ELF') throw new Error(`${image} holds no kernel compressed with xz.`);
    writeFileSync(plain, stdout);
  }
  return plain;
}

/** Modules with all that they need, in the order to load them. */
export function moduleOrder(root: string, names: readonly string[], extra: readonly string[] = []): Module[] {
  const base = join(root, 'lib/modules', kernelVersion(root));
  const folder = join(base, 'kernel');
  const lines = readFileSync(join(base, 'modules.builtin'), 'utf8').split('\n');
  const builtIn = new Set(lines.map((line) => normal(basename(line, '.ko'))));
  const files = new Map(
    [...readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)), ...extra]
      .filter((file) => file.endsWith('.ko'))
      .map((file) => [normal(basename(file, '.ko')), file]),
  );
  const order = new Map<string, Module>();
  const add = (name: string) => {
    const file = files.get(name);
    if (builtIn.has(name) || order.has(name)) return;
    if (file === undefined) throw new Error(`The kernel of ${root} has no module ${name}.`);
    for (const needed of dependsOn(file)) add(needed);
    order.set(name, { name, file });
  };
  for (const name of names) add(normal(name));
  return [...order.values()];
}

/** v4l2loopback, built against the headers that were unpacked beside the kernel. */
export function buildLoopback(root: string): string {
  const version = kernelVersion(root);
  const built = join(root, 'loopback', version, 'v4l2loopback.ko');
  if (existsSync(built)) return built;
  const headers = join(root, 'usr/src', `linux-headers-${version}`);
  const common = `${headers.slice(0, headers.lastIndexOf('-'))}-common`;
  const folder = mkdtempSync(join(tmpdir(), 'beltsight-loopback-'));
  try {
    const source = readdirSync(join(root, 'usr/src')).find((name) => name.startsWith('v4l2loopback-'));
    cpSync(join(root, 'usr/src', source as string), folder, { recursive: true });
    // The package names its other half by where it is installed.
    writeFileSync(join(headers, 'Makefile'), `include ${common}/Makefile\n`);
    execFileSync('make', ['-s', '-C', headers, `M=${folder}`, 'CC=gcc', 'KBUILD_MODPOST_WARN=1', 'modules'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    mkdirSync(dirname(built), { recursive: true });
    cpSync(join(folder, 'v4l2loopback.ko'), built);
    return built;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The names in a module's "depends". */
function dependsOn(file: string): string[] {
  const text = readFileSync(file).toString('latin1');
  const names = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? '';
  return names
    .split(',')
    .filter((name) => name !== '')
    .map(normal);
}

/** Modules are named with underlines or hyphens, as it comes. */
const normal = (name: string) => name.replaceAll('-', '_');
