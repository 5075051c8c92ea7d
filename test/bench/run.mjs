// npm run bench -- NAME [options]: runs test/bench/NAME.ts against the package sources.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const [name = '', ...options] = process.argv.slice(2);
const script = `${folder}${name}.ts`;
if (!/^[a-z-]+$/.test(name) || !existsSync(script)) {
  const known = readdirSync(folder)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -3));
  console.error(`Usage: npm run bench -- NAME [--json FILE]\nBenchmarks: ${known.join(', ')}`);
  process.exit(2);
}
// Resolved from here, so that paths in the options may be relative to another folder.
const tsx = import.meta.resolve('tsx');
const { status } = spawnSync(process.execPath, ['--conditions=source', '--import', tsx, script, ...options], {
  stdio: 'inherit',
});
process.exit(status ?? 1);
