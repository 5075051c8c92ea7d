import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { requireLibrary } from '../../device/src/score/ort/elf.js';
import { binariesIn, onScratchSystem, packDevice, unpack } from '../support/device-package.js';
import { emulatedNode } from '../support/emulated-node.js';
import { type FirstResult, firstResult } from '../support/first-result.js';
import { startMosquitto } from '../support/mosquitto.js';
import { ROOT, type Running, start } from '../support/processes.js';
import { TINY_SIZE, tinyImage, writeTinyBundle } from '../support/tiny-bundle.js';
import { allowedSystemCalls, wordsOf } from '../support/unit-file.js';

/** Bytes that a package may take: what a slow line of a factory carries in minutes. */
const LARGEST = 60e6;
/** systemd's figure for what a service could do to the machine, 0 to 10. */
const HIGHEST_EXPOSURE = 2;
const { version } = JSON.parse(readFileSync(join(ROOT, 'device/package.json'), 'utf8')) as { version: string };

type Architecture = 'x64' | 'arm64';
const HERE = process.arch as Architecture;
const OTHER: Architecture = HERE === 'x64' ? 'arm64' : 'x64';
let folder: string;
const fileOf = (arch: Architecture) => join(folder, `beltsight-device-${version}-linux-${arch}.tar.gz`);
const unpacked = {} as Record<Architecture, string>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-packaging-'));
  packDevice(['--out', folder]);
  for (const arch of ['x64', 'arm64'] as const) unpacked[arch] = unpack(fileOf(arch), folder);
  await writeTinyBundle(join(folder, 'bundle'));
  await mkdir(join(folder, 'images'));
  const picture = sharp(tinyImage('blue', 255), { raw: { width: TINY_SIZE, height: TINY_SIZE, channels: 3 } });
  await picture.toFile(join(folder, 'images', 'bad.png'));
});
afterAll(() => rm(folder, { recursive: true }));

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function broker(): Promise<string> {
  const mosquitto = await startMosquitto();
  closers.push(() => mosquitto.stop());
  return mosquitto.url;
}

function run(command: string, ...args: string[]): Running {
  const running = start(command, args);
  closers.push(async () => {
    running.process.kill('SIGKILL');
    await running.ended;
  });
  return running;
}

/** The first result of a device, which then has to end in good order. */
async function firstOf(url: string, command: string, ...args: string[]): Promise<FirstResult> {
  const running: Running[] = [];
  const first = await firstResult(url, () => {
    const device = run(command, ...args);
    running.push(device);
    return device;
  });
  running[0]?.process.kill('SIGTERM');
  expect(await running[0]?.ended).toBe(0);
  return first;
}

/** Writes a configuration and returns its file. */
function configure(url: string, { name = 'device.yaml', base = folder, loop = false } = {}): string {
  const file = join(folder, name);
  writeFileSync(
    file,
    `{ site: s, line: l, device: d, bundle: ${base}/bundle, broker: { url: "${url}" }, runtime: { providers: [cpu] },
       cameras: [{ name: belt, source: { type: folder, path: ${base}/images, loop: ${loop}, rateHz: 5 } }] }`,
  );
  return file;
}

const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

describe.each(['x64', 'arm64'] as const)('the package for %s', (arch) => {
  it('is small', () => {
    const { size } = statSync(fileOf(arch));
    console.log(`Package for ${arch}: ${(size / 1e6).toFixed(1)} MB`);
    expect(size).toBeLessThan(LARGEST);
  });

  it('holds four binaries, all of its own platform', () => {
    expect(binariesIn(unpacked[arch])).toEqual([
      expect.stringMatching(`^node_modules/@img/sharp-libvips-linux-${arch}/lib/libvips-cpp\\.so\\.`),
      expect.stringMatching(`^node_modules/@img/sharp-linux-${arch}/lib/sharp-linux-${arch}-.*\\.node$`),
      `node_modules/@koromix/koffi-linux-${arch}/linux_${arch}/koffi.node`,
      `node_modules/onnxruntime-node/bin/napi-v6/linux/${arch}/libonnxruntime.so.1`,
    ]);
    for (const file of binariesIn(unpacked[arch])) requireLibrary(join(unpacked[arch], file), arch);
    expect(readFileSync(join(unpacked[arch], 'release'), 'utf8')).toMatch(/^GLIBC=2\.28$/m);
  });

  it('holds one module of JavaScript for the command and one for its capture thread, its pages, and the licences of everything', () => {
    const files = execFileSync('tar', ['-tzf', fileOf(arch)], { encoding: 'utf8' }).split('\n');
    expect(
      files.filter((file) =>
        /\/(lib\/[^/]+|lib\/dashboard\/[^/]+|dist\/.*|.*\.(ts|map))$/.test(file.replace(/\/node_modules\/.*/, '')),
      ),
    ).toEqual(
      [
        'cli.mjs',
        ...['dashboard.js', 'icon.svg', 'index.html', 'layout.css', 'parts.css', 'settings.json', 'theme.css'].map(
          (file) => `dashboard/${file}`,
        ),
        'package.json',
        'watch-page.js',
        'worker.js',
      ].map((file) => `beltsight-device-${version}-linux-${arch}/lib/${file}`),
    );
    const table = readFileSync(join(unpacked[arch], 'THIRD-PARTY.md'), 'utf8');
    const packages = files.flatMap(
      (file) => file.match(/\/node_modules\/((?:@[^/]+\/)?[^/]+)\/package\.json$/)?.[1] ?? [],
    );
    expect(packages).toContain('sharp');
    for (const name of [...packages, 'mqtt', 'zod', 'pino'])
      expect(table).toMatch(new RegExp(`^\\| ${name} \\| \\d`, 'm'));
    for (const text of ['LICENSE', 'NOTICE', 'licences/onnxruntime/LICENSE.txt', 'licences/libvips/LGPL-3.txt']) {
      expect(statSync(join(unpacked[arch], text)).size).toBeGreaterThan(1000);
    }
  });
});

it('packing again gives the same bytes', async () => {
  const again = join(folder, 'again');
  await mkdir(again);
  packDevice(['--arch', OTHER, '--out', again], 'umask 077; export TZ=Asia/Tokyo LC_ALL=C');
  expect(digest(join(again, fileOf(OTHER).slice(folder.length)))).toBe(digest(fileOf(OTHER)));
});

describe('install.sh', () => {
  const install = (source: string, ...args: string[]) =>
    spawnSync(join(source, 'install.sh'), args, { encoding: 'utf8' });
  let root: string;
  beforeAll(async () => {
    root = join(folder, 'root');
    await mkdir(root);
  });

  it('refuses another processor, an old Node and damaged files, and touches nothing', async () => {
    const other = install(unpacked[OTHER], '--root', root);
    expect(other).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(`is for Linux on ${OTHER}[\\s\\S]*Remedy: Take`),
    });
    const old = join(folder, 'old-node');
    writeFileSync(old, `#!/bin/sh\n[ "$1" = -p ] && echo 18.20.4 ${HERE}\n`, { mode: 0o755 });
    expect(install(unpacked[HERE], '--root', root, '--node', old)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/old-node is version 18\.20\.4; needed is \^20\.19\.0 \|\| >=22\.12\.0/),
    });
    const damaged = join(folder, 'damaged');
    execFileSync('cp', ['-R', unpacked[HERE], damaged]);
    appendFileSync(join(damaged, 'lib/cli.mjs'), ' ');
    expect(install(damaged, '--root', root)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/are damaged or missing/),
    });
    await rm(damaged, { recursive: true });
    expect(existsSync(join(root, 'opt'))).toBe(false);
  });

  it('installs a device that publishes results', async () => {
    expect(install(unpacked[HERE], '--root', root)).toMatchObject({ status: 0, stderr: '' });
    const url = await broker();
    const config = configure(url, { loop: true });
    const command = join(root, 'usr/local/bin/beltsight-device');
    const { result, seconds, megabytes } = await firstOf(url, command, 'run', '--config', config);
    console.log(`Start to first result: ${seconds.toFixed(1)} s; resident memory at most ${megabytes.toFixed(0)} MB`);
    expect(result).toMatchObject({ verdict: 'reject', class: { name: 'blue' } });
  });

  /** The package as that of another version. */
  const packageOf = (newer: string) => {
    const source = join(folder, `device-${newer}`);
    execFileSync('cp', ['-R', unpacked[HERE], source]);
    const release = join(source, 'release');
    const [before, sums] = [digest(release), join(source, 'SHA256SUMS')];
    writeFileSync(release, readFileSync(release, 'utf8').replace(`VERSION=${version}`, `VERSION=${newer}`));
    writeFileSync(sums, readFileSync(sums, 'utf8').replace(before, digest(release)));
    return source;
  };

  it('goes back to a version that ran, not to one that never started', async () => {
    const [broken, mended] = [packageOf('8.0.0'), packageOf('8.1.0')];
    const output = onScratchSystem(
      folder,
      `printf '#!/bin/sh\\ntest "$1" != restart || test ! -e /etc/broken\\n' > /usr/local/stubs/systemctl
       '${unpacked[HERE]}/install.sh' >/dev/null
       echo mine > /etc/beltsight/device.yaml
       touch /etc/broken
       '${broken}/install.sh' || echo "ended with $?"
       rm /etc/broken
       '${mended}/install.sh'
       readlink /opt/beltsight/current /opt/beltsight/previous
       ls /opt/beltsight
       /opt/beltsight/previous/install.sh
       readlink /opt/beltsight/current /opt/beltsight/previous`,
    );
    expect(output).toMatch(/The service does not start\.[\s\S]*ended with 1/);
    expect(output).toMatch(`device-8.1.0\ndevice-${version}\ncurrent\ndevice-${version}\ndevice-8.1.0\nprevious\n`);
    expect(output).toMatch(new RegExp(`It inspects\\.\ndevice-${version}\ndevice-8\\.1\\.0\n$`));
    for (const source of [broken, mended]) await rm(source, { recursive: true });
  });

  it('upgrades, keeps the configuration and the version before, and goes back to it', async () => {
    const config = join(root, 'etc/beltsight/device.yaml');
    writeFileSync(config, 'mine');
    const links = () => ['current', 'previous'].map((name) => readlinkSync(join(root, 'opt/beltsight', name)));
    for (const newer of ['9.0.0', '9.1.0']) {
      const source = packageOf(newer);
      expect(install(source, '--root', root)).toMatchObject({ status: 0, stderr: '' });
      await rm(source, { recursive: true });
    }
    expect(links()).toEqual(['device-9.1.0', 'device-9.0.0']);
    expect(existsSync(join(root, `opt/beltsight/device-${version}`))).toBe(false);
    expect(install(join(root, 'opt/beltsight/previous'), '--root', root)).toMatchObject({ status: 0, stderr: '' });
    expect(links()).toEqual(['device-9.0.0', 'device-9.1.0']);
    expect(readFileSync(config, 'utf8')).toBe('mine');
    expect(install(join(root, 'opt/beltsight/current'), '--root', root, '--uninstall').status).toBe(0);
    expect(
      ['opt/beltsight', 'usr/local/bin/beltsight-device', 'etc/systemd/system/beltsight-device.service'].filter(
        (path) => existsSync(join(root, path)),
      ),
    ).toEqual([]);
    expect(readFileSync(config, 'utf8')).toBe('mine');
  });

  it('sets up user and service on a whole system, where the service can work with no rights', async () => {
    const url = await broker();
    const config = configure(url, { name: 'service.yaml', base: '/var/lib/beltsight' });
    const output = onScratchSystem(
      folder,
      `umask 077
       '${unpacked[HERE]}/install.sh'
       cp -R '${folder}/bundle' '${folder}/images' /var/lib/beltsight
       chmod -R u=rwX,go=rX /var/lib/beltsight/* && umask 022
       cat '${config}' > /etc/beltsight/device.yaml
       /opt/beltsight/current/install.sh
       stat --format='%n %U:%G %a' /etc/beltsight /etc/beltsight/device.yaml /var/lib/beltsight /var/cache/beltsight
       id -nG beltsight
       sed -n 's/^ExecStart=//p' /etc/systemd/system/beltsight-device.service > /opt/start
       setpriv --reuid=beltsight --regid=beltsight --init-groups --no-new-privs --bounding-set=-all sh /opt/start
       echo "ended with $?"
       /opt/beltsight/current/install.sh --uninstall`,
    );
    expect(output).toMatch(/systemctl enable --quiet beltsight-device\nInstalled version .* What is left to do/);
    expect(output).toMatch(/this takes minutes\.\nsystemctl restart beltsight-device\nIt inspects\./);
    expect(output).toMatch(/^\/etc\/beltsight root:beltsight 750\n\/etc\/beltsight\/device\.yaml root:beltsight 640$/m);
    expect(output).toMatch(
      /^\/var\/lib\/beltsight beltsight:beltsight 750\n\/var\/cache\/beltsight beltsight:beltsight 750$/m,
    );
    expect(output).toMatch(/^beltsight .*video/m);
    expect(output).toMatch(/golden samples score as they should[\s\S]*ended with 0/);
    expect(output).toMatch(/systemctl disable --quiet --now beltsight-device[\s\S]*Removed\./);
  });
});

describe('the service', () => {
  const unitFile = join(ROOT, 'device/packaging/beltsight-device.service');
  const unit = readFileSync(unitFile, 'utf8');

  it('is understood by systemd, and could do little harm', async () => {
    const root = join(folder, 'verified');
    await mkdir(join(root, 'usr/lib/systemd'), { recursive: true });
    execFileSync('cp', ['-R', '/lib/systemd/system', join(root, 'usr/lib/systemd')]);
    execFileSync(join(unpacked[HERE], 'install.sh'), ['--root', root]);
    // What it does not know it only prints.
    const verified = spawnSync(
      'systemd-analyze',
      ['verify', '--man=no', `--root=${root}`, 'beltsight-device.service'],
      {
        encoding: 'utf8',
      },
    );
    expect(verified).toMatchObject({ status: 0, stdout: '', stderr: '' });
    const judged = execFileSync('systemd-analyze', ['security', '--offline=yes', '--no-pager', unitFile], {
      encoding: 'utf8',
    });
    const exposure = Number(judged.match(/Overall exposure level .*: ([\d.]+)/)?.[1]);
    console.log(`systemd-analyze security: ${exposure}`);
    expect(exposure).toBeLessThanOrEqual(HIGHEST_EXPOSURE);
  });

  it('does with the system calls and sockets it may use, and says from its main process that it is ready', async () => {
    const url = await broker();
    const log = join(folder, 'strace.log');
    const root = join(folder, 'verified');
    const strace = ['-f', '-qq', '-s', '80', '-o', log, '-E', `NOTIFY_SOCKET=${folder}/nobody`];
    const command = join(root, 'usr/local/bin/beltsight-device');
    const running = run('strace', ...strace, command, 'run', '--config', configure(url));
    expect(await running.ended).toBe(0);
    const traced = readFileSync(log, 'utf8');
    const calls = new Set([...traced.matchAll(/^\d+ +(\w+)\(/gm)].map(([, call]) => call as string));
    expect(calls).toContain('execve');
    const allowed = allowedSystemCalls(unit);
    expect([...calls].filter((call) => !allowed.has(call))).toEqual([]);
    const families = new Set([...traced.matchAll(/^\d+ +socket(?:pair)?\((AF_\w+)/gm)].map(([, family]) => family));
    expect(families).toContain('AF_INET');
    const permitted = wordsOf(unit, 'RestrictAddressFamilies');
    expect([...families].filter((family) => !permitted.includes(family as string))).toEqual([]);
    const [main] = traced.split(' ', 1);
    expect(traced).toMatch(new RegExp(`^${main} .*sendto\\(\\d+, "READY=1\\\\nSTATUS=Inspecting belt on cpu"`, 'm'));
  });
});

describe('the package for arm64 on an emulated processor', () => {
  it('scores a picture and publishes the result', async () => {
    const [command, ...args] = await emulatedNode(folder);
    const url = await broker();
    const config = configure(url, { loop: true });
    const cli = join(unpacked.arm64, 'lib/cli.mjs');
    const { result, seconds } = await firstOf(url, command, ...args, cli, 'run', '--config', config);
    console.log(`arm64, emulated: start to first result ${seconds.toFixed(0)} s`);
    expect(result).toMatchObject({ verdict: 'reject', class: { name: 'blue' } });
  });
});
