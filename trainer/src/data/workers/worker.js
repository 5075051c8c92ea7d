// Stands in the sources where the build puts the thread, so that the same address finds it in both. Bundled, because a thread that loads
// some hundred sources one by one takes seconds to start.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('./thread.ts', import.meta.url))],
  bundle: true,
  write: false,
  platform: 'node',
  conditions: ['source'],
  external: ['@cwasm/nsbmp', 'onnxruntime-node', 'sharp'],
  supported: { 'dynamic-import': false },
  define: { 'import.meta.url': JSON.stringify(import.meta.url) },
  logLevel: 'warning',
});
new Function('require', outputFiles[0].text)(createRequire(import.meta.url));
