import { join } from 'node:path';
import { build } from 'esbuild';

/** Packages with binaries of their own, which find them beside themselves. */
const OUTSIDE = ['koffi', 'sharp'];

/**
 * Bundles the device command into one module that holds only what the command can reach. One file to open instead of several
 * hundred also starts sooner, above all from an eMMC.
 * @param workspace of `copyWorkspace`
 * @returns folders of the npm packages that are in it
 */
export async function bundleCommand(workspace: string, outfile: string): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: workspace,
    entryPoints: ['device/src/cli/main.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['source'],
    external: OUTSIDE,
    legalComments: 'inline',
    metafile: true,
    logLevel: 'warning',
    // CommonJS packages in the bundle require Node's modules.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module';\nconst require = requireFrom(import.meta.url);",
    },
  });
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs));
  return [...new Set(inputs.flatMap((input) => packageFolder(input) ?? []))].map((folder) => join(workspace, folder));
}

/** `node_modules/@a/b` of `node_modules/@a/b/index.js`, with nested ones. */
const packageFolder = (file: string) => file.match(/^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/)?.[0];
