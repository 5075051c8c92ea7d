import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './processes.js';

/**
 * The packages that the lock file of `folder` pins, installed once for each version of that file: programs that only run
 * beside the project, and would weigh on everyone's `npm ci`.
 * @returns the folder with node_modules
 */
export function npmFolder(folder: string): string {
  const files = ['package.json', 'package-lock.json', '.npmrc'];
  const read = (name: string) => readFileSync(join(ROOT, folder, name));
  const digest = createHash('sha256')
    .update(Buffer.concat(files.map(read)))
    .digest('hex')
    .slice(0, 16);
  const target = join(ROOT, '.beltsight/npm', digest);
  const complete = join(target, 'complete');
  if (existsSync(complete)) return target;
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const name of files) copyFileSync(join(ROOT, folder, name), join(target, name));
  execFileSync('npm', ['ci', '--ignore-scripts', '--silent'], { cwd: target, stdio: ['ignore', 'ignore', 'inherit'] });
  writeFileSync(complete, '');
  return target;
}
