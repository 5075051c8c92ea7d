import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { archive } from './archive.js';
import { ARCHITECTURES, type Architecture } from './dependencies.js';
import { stage } from './stage.js';

/*
 * npm run pack:device [-- --arch x64] [--out FOLDER]
 *
 * Packs the device as one .tar.gz for each architecture. docs/install-device.md tells what a technician does with it.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const { values } = parseArgs({
  options: {
    arch: { type: 'string', multiple: true, default: [...ARCHITECTURES] },
    out: { type: 'string', default: join(ROOT, 'device', 'packaging', 'out') },
  },
});

const { version, engines } = JSON.parse(await readFile(join(ROOT, 'device', 'package.json'), 'utf8')) as {
  version: string;
  engines: { node: string };
};
await mkdir(values.out, { recursive: true });
for (const arch of values.arch.map(architecture)) {
  const scratch = await mkdtemp(join(tmpdir(), 'beltsight-pack-'));
  try {
    const folder = join(scratch, `beltsight-device-${version}-linux-${arch}`);
    await mkdir(join(scratch, 'workspace'));
    await stage(ROOT, join(scratch, 'workspace'), folder, { version, arch, nodeRange: engines.node });
    const file = join(values.out, `beltsight-device-${version}-linux-${arch}.tar.gz`);
    await archive(folder, file, sourceDate());
    const megabytes = (await stat(file)).size / 1e6;
    process.stdout.write(`${file} (${megabytes.toFixed(1)} MB)\n`);
  } finally {
    await rm(scratch, { recursive: true });
  }
}

function architecture(name: string): Architecture {
  const arch = ARCHITECTURES.find((each) => each === name);
  if (arch) return arch;
  throw new Error(`--arch ${name}: give ${ARCHITECTURES.join(' or ')}.`);
}

/** Time that the files in the package bear, in seconds: SOURCE_DATE_EPOCH of reproducible builds, else of the last commit. */
function sourceDate(): number {
  const text =
    process.env.SOURCE_DATE_EPOCH ??
    execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: ROOT, encoding: 'utf8' }).trim();
  if (!/^\d+$/.test(text)) throw new Error(`SOURCE_DATE_EPOCH is ${text}: give seconds since 1970, or unset it.`);
  return Number(text);
}
