import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { basename, dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';

/**
 * Packs a folder as .tar.gz, the same bytes for the same files: names sorted, one time and owner for all, no access times.
 * GNU tar and gzip do it with options made for that; the archive needs nothing but tar on the device.
 * @param seconds modification time of everything in it, since 1970
 */
export async function archive(folder: string, file: string, seconds: number): Promise<void> {
  const tar = spawn('tar', [
    '--create',
    '--format=gnu',
    '--sort=name',
    `--mtime=@${seconds}`,
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mode=u=rwX,go=rX',
    `--directory=${dirname(folder)}`,
    basename(folder),
  ]);
  // Without -n gzip would write the time of packing.
  const gzip = spawn('gzip', ['-9n']);
  await Promise.all([
    pipeline(tar.stdout, gzip.stdin),
    pipeline(gzip.stdout, createWriteStream(file)),
    succeeded('tar', tar),
    succeeded('gzip', gzip),
  ]);
}

async function succeeded(name: string, child: ReturnType<typeof spawn>): Promise<void> {
  let complaint = '';
  child.stderr?.on('data', (chunk) => (complaint += chunk));
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`${name} ended with status ${status}: ${complaint.trim()}`);
}
