import { execFile } from 'node:child_process';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const ARCHITECTURES = ['x64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** Sources of the device command and of the page that it serves. */
const SOURCES = ['sdk/src', 'device/src', 'device/v4l2/src', 'examples/dashboard', 'examples/page'];

/**
 * Sets up a copy of the workspace in `into` whose node_modules is what the lock file gives the device on that architecture, and
 * nothing else: packing from it takes neither what happens to be installed here nor stale builds.
 */
export async function copyWorkspace(root: string, into: string, arch: Architecture): Promise<void> {
  const files = ['package.json', 'package-lock.json', '.npmrc'];
  for (const file of files) await cp(join(root, file), join(into, file));
  const { workspaces } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { workspaces: string[] };
  for (const workspace of workspaces) {
    await mkdir(join(into, workspace));
    await cp(join(root, workspace, 'package.json'), join(into, workspace, 'package.json'));
  }
  for (const source of SOURCES) await cp(join(root, source), join(into, source), { recursive: true });
  await promisify(execFile)(
    'npm',
    [
      ...['ci', '--workspace=@beltsight/device', '--omit=dev', '--ignore-scripts', '--prefer-offline', '--no-progress'],
      ...['--os=linux', '--libc=glibc', `--cpu=${arch}`],
    ],
    { cwd: into, maxBuffer: 2 ** 26 },
  );
}
