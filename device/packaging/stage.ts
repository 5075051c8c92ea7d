import { createHash } from 'node:crypto';
import { chmod, cp, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { requireLibrary } from '../src/score/ort/elf.js';
import { bundleCommand } from './command.js';
import { type Architecture, copyWorkspace } from './dependencies.js';
import { writeNotices } from './notices.js';
import { copyRuntimeFiles, filesIn } from './runtime-files.js';

const HERE = dirname(fileURLToPath(import.meta.url));

export interface Release {
  readonly version: string;
  readonly arch: Architecture;
  /** npm's range of Node versions. */
  readonly nodeRange: string;
}

/**
 * Lays out the package of one architecture in `into`.
 * @param root of the repository
 * @param workspace empty folder for what npm installs
 */
export async function stage(root: string, workspace: string, into: string, release: Release): Promise<void> {
  const { arch } = release;
  await copyWorkspace(root, workspace, arch);
  const bundled = await bundleCommand(workspace, join(into, 'lib'));
  const copied = await copyRuntimeFiles(workspace, join(into, 'node_modules'), arch);
  await writeNotices([...bundled, ...copied], into);
  for (const file of ['LICENSE', 'NOTICE', 'device/device.example.yaml', 'docs/install-device.md']) {
    await cp(join(root, file), join(into, file.replace(/^.*\//, '')));
  }
  for (const file of ['install.sh', 'beltsight-device.service']) await cp(join(HERE, file), join(into, file));
  await cp(join(HERE, 'beltsight-device.sh'), join(into, 'bin', 'beltsight-device'));
  for (const command of ['install.sh', 'bin/beltsight-device']) await chmod(join(into, command), 0o755);
  const glibc = await glibcNeeded(await filesIn(into), arch);
  await writeFile(join(into, 'release'), releaseText(release, glibc));
  await writeFile(join(into, 'SHA256SUMS'), await checksums(into));
}

/** What install.sh wants to know of the package, as shell assignments. */
const releaseText = ({ version, arch, nodeRange }: Release, glibc: string) =>
  `VERSION=${version}\nARCH=${arch}\nNODE_RANGE='${nodeRange}'\nGLIBC=${glibc}\n`;

/**
 * The newest glibc that a binary of the package asks for.
 * @throws Error if one is made for another processor
 */
async function glibcNeeded(files: readonly string[], arch: Architecture): Promise<string> {
  let minor = 0;
  for (const file of files.filter((each) => /\.(node|so(\.\d+)*)$/.test(each))) {
    requireLibrary(file, arch);
    const symbols = (await readFile(file)).toString('latin1').matchAll(/GLIBC_2\.(\d+)/g);
    minor = Math.max(minor, ...[...symbols].map((match) => Number(match[1])));
  }
  return `2.${minor}`;
}

/** Lines for `sha256sum --check`: a copy over a bad stick or line is noticed before it is installed. */
async function checksums(folder: string): Promise<string> {
  const lines = (await filesIn(folder)).map(async (file) => {
    const digest = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    return `${digest}  ${relative(folder, file)}\n`;
  });
  return (await Promise.all(lines)).join('');
}
