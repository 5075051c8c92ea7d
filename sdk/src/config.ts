import type { z } from 'zod';
import { BeltsightError } from './errors.js';

/**
 * Parses a configuration that people write.
 * @param where what to call it in the error: a file name, "the command line"
 * @throws BeltsightError CONFIG_INVALID naming every key that is wrong, and for an unknown one the nearest known
 */
export function parseConfig<T extends z.ZodType>(schema: T, value: unknown, where: string): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => explain(issue, schema));
  throw new BeltsightError(
    'CONFIG_INVALID',
    `${where} is no valid configuration:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
  );
}

function explain(issue: z.core.$ZodIssue, schema: z.ZodType): string[] {
  const place = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') return [place ? `${place}: ${issue.message}` : issue.message];
  const known = keysAt(schema, issue.path);
  return issue.keys.map((key) => {
    const near = nearest(key, known);
    const hint = near === undefined ? `; known are ${known.join(', ')}` : `; did you mean "${near}"?`;
    return `unknown key "${[...issue.path, key].join('.')}"${hint}`;
  });
}

/** Names of the keys of the objects that the schema allows at a path. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  // biome-ignore lint/suspicious/noExplicitAny: zod's schema tree is walked by name.
  const unwrap = (node: any): any[] => {
    if (node?.def?.innerType) return unwrap(node.def.innerType);
    return node?.def?.options ? node.def.options.flatMap(unwrap) : [node];
  };
  let nodes = unwrap(schema);
  for (const key of path) {
    nodes = nodes.flatMap((node) => unwrap(typeof key === 'number' ? node?.def?.element : node?.shape?.[key]));
  }
  return [...new Set(nodes.flatMap((node) => Object.keys(node?.shape ?? {})))];
}

/** The name among `known` within two edits of `key`, for "did you mean"; undefined where none is that close. */
export function nearest(key: string, known: readonly string[]): string | undefined {
  const ranked = known.map((name) => [editDistance(key.toLowerCase(), name.toLowerCase()), name] as const);
  const [best] = ranked.sort(([a], [b]) => a - b);
  return best && best[0] <= 2 ? best[1] : undefined;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
