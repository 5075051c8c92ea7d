import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { ROOT } from './processes.js';

/**
 * Expects the part of a page between `<!-- begin NAME -->` and `<!-- end NAME -->` to be what the code says. With UPDATE_DOCS=1 it is
 * written there instead.
 */
export function expectSection(page: string, name: string, text: string): void {
  const file = join(ROOT, page);
  const whole = readFileSync(file, 'utf8');
  const [begin, end] = [`<!-- begin ${name} -->\n`, `\n<!-- end ${name} -->`];
  const [from, to] = [whole.indexOf(begin) + begin.length, whole.indexOf(end)];
  expect(from >= begin.length && to >= from, `${page} has no section ${name}`).toBe(true);
  if (process.env.UPDATE_DOCS === '1') writeFileSync(file, whole.slice(0, from) + text + whole.slice(to));
  else expect(whole.slice(from, to), `UPDATE_DOCS=1 npx vitest run writes ${page}`).toBe(text);
}
