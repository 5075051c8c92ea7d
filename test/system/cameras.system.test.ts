import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import header from '../../device/v4l2/src/abi/header.fixture.json' with { type: 'json' };
import type { Answer } from '../guest/report.js';
import { ROOT } from '../support/processes.js';
import { makeMountPoints, runGuest } from '../support/qemu/guest.js';
import { buildLoopback } from '../support/qemu/kernel.js';
import { type GuestArch, guestPackages, npmPackage } from '../support/qemu/packages.js';
import { compileHeader } from '../support/v4l2-header.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'beltsight-cameras-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('has the layouts and numbers that a C compiler makes of linux/videodev2.h', () => {
  const { structs, ioctls, formats } = header;
  expect(compileHeader(folder)).toEqual({ structs, ioctls, formats });
});

/** A folder as an installed application has it: the built package, koffi for the architecture, and the guest program. */
async function makeApp(arch: GuestArch): Promise<string> {
  const app = join(folder, `app-${arch}`);
  const modules = join(app, 'node_modules');
  mkdirSync(join(modules, 'node-v4l2'), { recursive: true });
  for (const part of ['package.json', 'dist']) {
    cpSync(join(ROOT, 'device/v4l2', part), join(modules, 'node-v4l2', part), { recursive: true });
  }
  const koffi = join(ROOT, 'node_modules/koffi');
  cpSync(koffi, join(modules, 'koffi'), { recursive: true });
  const { version } = JSON.parse(readFileSync(join(koffi, 'package.json'), 'utf8'));
  const native = `@koromix/koffi-linux-${arch}`;
  cpSync(npmPackage(`${native}@${version}`), join(modules, native), { recursive: true });
  await build({
    entryPoints: [join(ROOT, 'test/guest/cameras.ts')],
    outfile: join(app, 'guest.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['node-v4l2', 'koffi'],
  });
  mkdirSync(join(app, 'pictures'));
  for (const [i, colour] of ['red', 'green', 'blue'].entries()) {
    const picture = sharp({ create: { width: 320, height: 240, channels: 3, background: colour } });
    writeFileSync(join(app, 'pictures', `${colour}.jpg`), await picture.jpeg({ quality: 50 + 20 * i }).toBuffer());
  }
  return app;
}

async function capture(arch: GuestArch): Promise<ReadonlyMap<string, Answer>> {
  const packages = guestPackages(arch);
  if (arch === 'arm64') makeMountPoints(packages);
  const vivid = [
    ['n_devs', '3'],
    ['node_types', '0x1,0x1,0x1'],
    ['num_inputs', '1,1,1'],
    ['input_types', '0,0,0'],
    // Frames in one piece of memory, or planes apart.
    ['multiplanar', '1,2,1'],
    // Counted from the last device on: numbers of device files are in the order of the devices.
    ['vid_cap_nr', '0,1,2'],
  ];
  const modules = [{ name: 'vivid', parameters: vivid.map(([name, value]) => `${name}=${value}`).join(' ') }];
  const loopback =
    arch === 'x64'
      ? [
          {
            name: 'v4l2loopback',
            file: buildLoopback(packages),
            parameters: 'video_nr=9 exclusive_caps=1 max_buffers=4',
          },
        ]
      : [];
  const answers = await runGuest<Answer>({
    arch,
    packages,
    root: arch === 'x64' ? '/' : packages,
    app: await makeApp(arch),
    modules: [...modules, ...loopback],
    command: `FRAMES=${arch === 'x64' ? 10_000 : 1000} ${arch === 'x64' ? process.execPath : '/node/bin/node'} /run/app/guest.mjs`,
    timeoutMs: 500_000,
  });
  return new Map(answers.map((answer) => [answer.check, answer]));
}

describe.each(['x64', 'arm64'] as const)('on a %s kernel with a virtual camera', (arch) => {
  let answers: ReadonlyMap<string, Answer>;
  beforeAll(async () => {
    answers = await capture(arch);
    for (const answer of answers.values()) console.log(JSON.stringify(answer).slice(0, 1500));
  });
  it('x', () => expect(answers.size).toBeGreaterThan(1));
});
