import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT } from './processes.js';

/** Runs npm run pack:device, and a command of the shell before it. */
export function packDevice(args: readonly string[], before = ':'): void {
  execFileSync('sh', ['-c', `${before}; exec npm run --silent pack:device -- "$@"`, 'sh', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** Unpacks a .tar.gz and returns its only folder. */
export function unpack(file: string, into: string): string {
  execFileSync('tar', ['-xzf', file, '-C', into]);
  const [folder, ...others] = execFileSync('tar', ['-tzf', file], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => /^[^/]+\/$/.test(line));
  if (folder === undefined || others.length > 0) throw new Error(`${file} does not hold one folder`);
  return join(into, folder.slice(0, -1));
}

/** Paths of all files below a folder that are not text, as programs and libraries of any platform are. */
export function binariesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => startOf(file).includes(0))
    .map((file) => relative(folder, file))
    .sort();
}

function startOf(file: string): Buffer {
  const handle = openSync(file, 'r');
  const bytes = Buffer.alloc(4096);
  const read = readSync(handle, bytes);
  closeSync(handle);
  return bytes.subarray(0, read);
}

/**
 * A shell script that runs in a namespace of its own, where /etc, /opt, /usr and /var may be written without the machine noticing,
 * and where systemctl only writes down its arguments. Needs root.
 */
export function onScratchSystem(folder: string, script: string): string {
  const prelude = `
    set -eu
    mkdir -p "${folder}/system" && mount -t tmpfs tmpfs "${folder}/system" && cd "${folder}/system"
    for each in etc opt usr var; do
      mkdir "$each" "$each.work"
      mount -t overlay overlay -o "lowerdir=/$each,upperdir=$PWD/$each,workdir=$PWD/$each.work" "/$each"
    done
    mkdir -p /usr/local/stubs
    printf '#!/bin/sh\\necho "systemctl $*"\\n' > /usr/local/stubs/systemctl
    chmod +x /usr/local/stubs/systemctl
    cp "${process.execPath}" /usr/local/stubs/node
    export PATH=/usr/local/stubs:/usr/sbin:/usr/bin:/sbin:/bin
    cd /
    exec 2>&1
    ${script}`;
  return execFileSync('unshare', ['--mount', 'sh', '-c', prelude], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
