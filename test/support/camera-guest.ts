import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import sharp from 'sharp';
import type { Answer } from '../guest/report.js';
import { ROOT } from './processes.js';
import { makeMountPoints, runGuest } from './qemu/guest.js';
import { buildLoopback } from './qemu/kernel.js';
import { type GuestArch, guestPackages, npmPackage } from './qemu/packages.js';

/** A folder as an installed application has it: the built package, koffi for the architecture, and the guest program. */
async function makeApp(arch: GuestArch, folder: string): Promise<string> {
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

/** What a guest is told. */
export interface CameraGuest {
  readonly arch: GuestArch;
  /** Folder for what is made for it. */
  readonly folder: string;
  /** Frames to capture in the long run. */
  readonly frames: number;
  readonly timeoutMs: number;
  readonly onLine?: (line: string) => void;
}

/** Parameters of vivid: three webcams, the one in the middle with planes apart. */
const VIVID = [
  'n_devs=3',
  'node_types=0x1,0x1,0x1',
  'num_inputs=1,1,1',
  'input_types=0,0,0',
  'multiplanar=1,2,1',
  'vid_cap_nr=0,1,2',
].join(' ');

/** Boots a kernel with virtual cameras and captures from them; answers with what the guest program found, by the names of its checks. */
export async function runCameraGuest({
  arch,
  folder,
  frames,
  timeoutMs,
  onLine,
}: CameraGuest): Promise<ReadonlyMap<string, Answer>> {
  const packages = guestPackages(arch);
  if (arch === 'arm64') makeMountPoints(packages);
  const loopback = () => ({
    name: 'v4l2loopback',
    file: buildLoopback(packages),
    parameters: 'video_nr=9 exclusive_caps=1 max_buffers=8',
  });
  const node = arch === 'x64' ? process.execPath : '/node/bin/node';
  const answers = await runGuest<Answer>({
    arch,
    packages,
    root: arch === 'x64' ? '/' : packages,
    app: await makeApp(arch, folder),
    modules: [{ name: 'vivid', parameters: VIVID }, ...(arch === 'x64' ? [loopback()] : [])],
    command: `${node} /run/app/guest.mjs`,
    environment: { FRAMES: String(frames) },
    timeoutMs,
    ...(onLine ? { onLine } : {}),
  });
  return new Map(answers.map((answer) => [answer.check, answer]));
}
