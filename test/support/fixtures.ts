import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Folder of the reference numbers; BELTSIGHT_FIXTURES points the same tests at another of the same shape. */
const folder = process.env.BELTSIGHT_FIXTURES ?? fileURLToPath(new URL('../fixtures', import.meta.url));

/** A tensor of the fixtures: row-major, NCHW where it is an image or feature map. */
export interface FixtureTensor {
  readonly shape: number[];
  readonly data: number[];
}

/** One fixture file, parsed. Its shape is described in test/fixtures/README.md. */
// biome-ignore lint/suspicious/noExplicitAny: fixtures are untyped data; each test names the fields it reads.
export function fixture(name: string): any {
  return JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8'));
}
