import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Architecture } from './dependencies.js';

/** Packages that stay outside of the bundled command. */
const ROOTS = ['koffi', 'sharp'];

/** What the device does not read of them: C++ sources, headers, declarations, manuals, binaries for another C library. */
const UNUSED = [
  /^koffi\/(lib|vendor|doc|cnoke\.cjs|CHANGELOG\.md)/,
  /^koffi\/src\/(?!.*\.c?js$)/,
  /^@koromix\/[^/]+\/(?!linux_)[^/]+\/koffi\.node$/,
  /^sharp\/(src|install)\//,
  /^@img\/sharp-libvips-[^/]+\/lib\/glib-2\.0\//,
  /\.d\.[cm]?ts$/,
];

/**
 * Copies the packages with binaries from a workspace's node_modules to that of the package, and of onnxruntime-node the library
 * alone: the device calls it itself.
 * @returns folders they were copied from
 */
export async function copyRuntimeFiles(workspace: string, into: string, arch: Architecture): Promise<string[]> {
  const modules = join(workspace, 'node_modules');
  const folders = await closure(modules, ROOTS);
  const files = (await Promise.all(folders.map(filesOfPackage))).flat();
  for (const file of files) {
    const path = relative(modules, file);
    if (!UNUSED.some((pattern) => pattern.test(path))) await copy(file, join(into, path));
  }
  const runtime = 'onnxruntime-node';
  for (const file of ['package.json', `bin/napi-v6/linux/${arch}/libonnxruntime.so.1`]) {
    await copy(join(modules, runtime, file), join(into, runtime, file));
  }
  return [...folders, join(modules, runtime)];
}

/** All files below a folder, sorted. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

const filesOfPackage = async (folder: string) =>
  (await filesIn(folder)).filter((file) => !relative(folder, file).startsWith('node_modules/'));

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Folders of the packages and of all that they need, as Node would find them. Optional ones that npm left out are for other platforms. */
async function closure(modules: string, roots: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  const waiting = roots.map((name) => join(modules, name));
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    if (found.has(folder)) continue;
    found.add(folder);
    const manifest: Manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    const optional = new Set(Object.keys(manifest.optionalDependencies ?? {}));
    for (const name of new Set([...Object.keys(manifest.dependencies ?? {}), ...optional])) {
      const dependency = resolve(modules, folder, name);
      if (dependency !== undefined) waiting.push(dependency);
      else if (!optional.has(name)) throw new Error(`${folder} needs ${name}, which npm has not installed`);
    }
  }
  return [...found].sort();
}

/** Where Node finds a package for the code in `from`: its own node_modules first, then the shared one. */
const resolve = (modules: string, from: string, name: string) =>
  [join(from, 'node_modules', name), join(modules, name)].find((folder) => existsSync(folder));

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to);
}
