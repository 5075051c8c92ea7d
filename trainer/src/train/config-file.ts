import { readFile } from 'node:fs/promises';
import { BeltsightError } from '@beltsight/sdk';
import { parse } from 'yaml';
import type { z } from 'zod';
import { type TrainConfig, trainConfigSchema } from './config.js';

/**
 * The training configuration: a YAML or JSON file (none where `file` is undefined), overridden by `flags`: keys of the
 * command line, or of a program.
 * @throws BeltsightError CONFIG_INVALID naming every key that is wrong, and for an unknown one the nearest known
 */
export async function readTrainConfig(file: string | undefined, flags: Record<string, unknown>): Promise<TrainConfig> {
  const given = file === undefined ? {} : await readConfigFile(file);
  const result = trainConfigSchema.safeParse({ ...given, ...flags });
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => explain(issue));
  const where = file === undefined ? 'What was given' : `${file} (with what was given beside it)`;
  throw new BeltsightError(
    'CONFIG_INVALID',
    `${where} is no valid configuration:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
  );
}

async function readConfigFile(file: string): Promise<Record<string, unknown>> {
  try {
    const value: unknown = parse(await readFile(file, 'utf8'));
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new BeltsightError('CONFIG_INVALID', `${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
  throw new BeltsightError('CONFIG_INVALID', `${file} must hold keys and values, such as "epochs: 50".`);
}

function explain(issue: z.core.$ZodIssue): string[] {
  const place = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') return [`${place}: ${issue.message}`];
  const known = Object.keys(schemaAt(issue.path).shape ?? {});
  return issue.keys.map((key) => {
    const near = nearest(key, known);
    return `unknown key "${[...issue.path, key].join('.')}"${near === undefined ? '' : `; did you mean "${near}"?`}`;
  });
}

function schemaAt(path: readonly PropertyKey[]): { shape?: Record<string, unknown> } {
  // biome-ignore lint/suspicious/noExplicitAny: zod's schema tree is walked by name.
  let schema: any = trainConfigSchema;
  for (const key of path) {
    schema = schema.shape?.[key] ?? {};
    while (schema.def?.innerType) schema = schema.def.innerType;
  }
  return schema;
}

/** The known key within two edits of `key`. */
function nearest(key: string, known: readonly string[]): string | undefined {
  const ranked = known.map(
    (candidate) => [editDistance(key.toLowerCase(), candidate.toLowerCase()), candidate] as const,
  );
  const [best] = ranked.sort(([a], [b]) => a - b);
  return best && best[0] <= 2 ? best[1] : undefined;
}

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
