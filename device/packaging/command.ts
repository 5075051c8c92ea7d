import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

const REQUIRE =
  "import { createRequire as requireFrom } from 'node:module';\nconst require = requireFrom(import.meta.url);";

/** Packages with binaries of their own, which find them beside themselves. */
const OUTSIDE = ['koffi', 'sharp'];

/**
 * Bundles the device command into one module that holds only what the command can reach, and the thread that captures from
 * cameras into another. One file to open instead of several hundred also starts sooner, above all from an eMMC.
 * @param workspace of `copyWorkspace`
 * @param outdir gets `cli.mjs`, `worker.js`, `watch-page.js` and `dashboard/` (for a browser) and a package.json that says what they are
 * @returns folders of the npm packages that are in them
 */
export async function bundleCommand(workspace: string, outdir: string): Promise<string[]> {
  const command = await bundle(workspace, 'device/src/cli/main.ts', join(outdir, 'cli.mjs'));
  const thread = await bundle(workspace, 'device/v4l2/src/capture/thread.ts', join(outdir, 'worker.js'));
  const page = await bundle(
    workspace,
    'device/src/camera/watch/page/main.ts',
    join(outdir, 'watch-page.js'),
    'browser',
  );
  const dashboard = await bundle(
    workspace,
    'examples/dashboard/main.ts',
    join(outdir, 'dashboard', 'dashboard.js'),
    'browser',
  );
  await cp(join(workspace, 'examples/dashboard/static'), join(outdir, 'dashboard'), { recursive: true });
  await writeFile(join(outdir, 'package.json'), '{ "type": "module" }\n');
  return [...new Set([...command, ...thread, ...page, ...dashboard])];
}

async function bundle(
  workspace: string,
  entry: string,
  outfile: string,
  platform: 'node' | 'browser' = 'node',
): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: workspace,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform,
    format: 'esm',
    target: platform === 'node' ? 'node20' : 'es2022',
    conditions: ['source'],
    external: OUTSIDE,
    legalComments: 'inline',
    minify: platform === 'browser',
    metafile: true,
    logLevel: 'warning',
    // CommonJS packages in the bundle require Node's modules.
    ...(platform === 'node' ? { banner: { js: REQUIRE } } : {}),
  });
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs));
  return [...new Set(inputs.flatMap((input) => packageFolder(input) ?? []))].map((folder) => join(workspace, folder));
}

/** `node_modules/@a/b` of `node_modules/@a/b/index.js`, with nested ones. */
const packageFolder = (file: string) => file.match(/^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/)?.[0];
