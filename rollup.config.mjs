import { readdirSync, readFileSync } from 'node:fs';
import commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import dts from 'rollup-plugin-dts';
import esbuild from 'rollup-plugin-esbuild';

/** Everything a package names as a dependency, and Node itself, stays outside of its bundle. */
const outside = (folder) => {
  const { dependencies = {} } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  const names = Object.keys(dependencies);
  return (id) => id.startsWith('node:') || names.some((name) => id === name || id.startsWith(`${name}/`));
};

/** One package: ESM with shared chunks, and a declaration file per entry. */
const library = (folder, entries, types = entries) => [
  {
    input: prefix(folder, entries),
    external: outside(folder),
    plugins: [nodeResolve(), esbuild({ target: 'node20', loaders: { '.json': 'json' } })],
    output: { dir: `${folder}/dist`, format: 'es', sourcemap: true, chunkFileNames: 'chunks/[name]-[hash].js' },
  },
  {
    input: prefix(folder, types),
    external: outside(folder),
    plugins: [dts()],
    output: { dir: `${folder}/dist`, format: 'es', chunkFileNames: 'chunks/[name]-[hash].d.ts' },
  },
];

const prefix = (folder, entries) =>
  Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, `${folder}/src/${file}`]));

/** An example that Node runs. */
const program = (folder, input, name) => ({
  input,
  external: outside(folder),
  plugins: [nodeResolve(), esbuild({ target: 'node20' })],
  output: { file: `examples/dist/${name}.js`, format: 'es', sourcemap: true },
});

/** A page: one self-contained browser bundle. */
const page = (input, file) => ({
  input,
  plugins: [nodeResolve({ browser: true }), commonjs(), esbuild({ target: 'es2022', minify: true })],
  output: { file, format: 'es' },
});

/** The operator's page: script and what lies beside it, for any web server, and in the device for its own. */
const dashboard = {
  ...page('examples/dashboard/main.ts'),
  output: ['examples', 'device'].map((folder) => ({
    file: `${folder}/dist/dashboard/dashboard.js`,
    format: 'es',
    plugins: [filesOf('examples/dashboard/static')],
  })),
};

/** Puts the files of a folder beside the bundle. */
function filesOf(folder) {
  return {
    name: 'files',
    generateBundle() {
      for (const fileName of readdirSync(folder)) {
        this.emitFile({ type: 'asset', fileName, source: readFileSync(`${folder}/${fileName}`) });
      }
    },
  };
}

export default [
  ...library('sdk', {
    index: 'index.ts',
    onnx: 'onnx/index.ts',
    bundle: 'bundle/index.ts',
    preprocess: 'preprocess/index.ts',
    release: 'release/index.ts',
  }),
  ...library(
    'trainer',
    {
      index: 'index.ts',
      cli: 'cli/main.ts',
      // An entry, too: the thread's file is found beside it.
      spawn: 'data/workers/spawn.ts',
      worker: 'data/workers/thread.ts',
    },
    { index: 'index.ts' },
  ),
  ...library(
    'device/v4l2',
    {
      index: 'index.ts',
      worker: 'capture/thread.ts',
      testing: 'testing/index.ts',
      'fake-worker': 'testing/thread.ts',
    },
    { index: 'index.ts', testing: 'testing/index.ts' },
  ),
  ...library('device', { index: 'index.ts', cli: 'cli/main.ts' }, { index: 'index.ts' }),
  program('examples', 'examples/demo/main.ts', 'demo'),
  program('examples', 'examples/home-assistant/main.ts', 'home-assistant'),
  program('examples/opcua', 'examples/opcua/main.ts', 'opcua'),
  page('device/src/camera/watch/page/main.ts', 'device/dist/watch-page.js'),
  page('examples/demo/page/main.ts', 'examples/dist/page.js'),
  dashboard,
];
