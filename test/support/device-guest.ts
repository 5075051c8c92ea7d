import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { bundleCommand } from '../../device/packaging/command.js';
import { copyRuntimeFiles } from '../../device/packaging/runtime-files.js';
import type { Answer } from '../guest/report.js';
import { ROOT } from './processes.js';
import { runGuest } from './qemu/guest.js';
import { guestPackages } from './qemu/packages.js';
import { writeTinyBundle } from './tiny-bundle.js';

/** What a guest is told. */
export interface DeviceGuest {
  /** Folder for what is made for it. */
  readonly folder: string;
  /** Results to take the latency of. */
  readonly results: number;
  readonly timeoutMs: number;
  readonly onLine?: (line: string) => void;
}

/** Parameters of vivid: one input, HDMI, with frames in one piece of memory. */
const VIVID = 'n_devs=1 node_types=0x1 num_inputs=1 input_types=3 multiplanar=1';

/**
 * Boots a kernel with a virtual HDMI input and runs the device's command on it, as it is packaged. The guest's root is that of this machine,
 * read-only, so Node is there. Answers with what the guest program found, by the names of its checks.
 */
export async function runDeviceGuest({
  folder,
  results,
  timeoutMs,
  onLine,
}: DeviceGuest): Promise<ReadonlyMap<string, Answer>> {
  const app = join(folder, 'app-device');
  mkdirSync(app);
  await writeTinyBundle(join(app, 'bundle'));
  // One module opens sooner than several hundred, above all from a shared folder.
  await bundleCommand(ROOT, app);
  await copyRuntimeFiles(ROOT, join(app, 'node_modules'), 'x64');
  await build({
    entryPoints: [join(ROOT, 'test/guest/device.ts')],
    outfile: join(app, 'guest.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['source'],
    external: ['koffi'],
    banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
  });
  const answers = await runGuest<Answer>({
    arch: 'x64',
    packages: guestPackages('x64'),
    root: '/',
    app,
    modules: [{ name: 'vivid', parameters: VIVID }],
    command: `${process.execPath} /run/app/guest.mjs`,
    environment: {
      DEVICE: '/run/app/cli.mjs',
      RESULTS: String(results),
    },
    timeoutMs,
    ...(onLine ? { onLine } : {}),
  });
  return new Map(answers.map((answer) => [answer.check, answer]));
}
