import type { z } from 'zod';
import { BeltsightError } from './errors.js';
import { nearest } from './nearest.js';

type Issue = z.core.$ZodIssue;
type UnionIssue = z.core.$ZodIssueInvalidUnion;
type Path = readonly PropertyKey[];
// biome-ignore lint/suspicious/noExplicitAny: zod's schema tree is walked by name.
type Schema = any;

/**
 * Parses a configuration that people write.
 * @param where what to call it in the error: a file name, "the command line"
 * @throws BeltsightError CONFIG_INVALID naming every key that is wrong, and for an unknown one the nearest known
 */
export function parseConfig<T extends z.ZodType>(schema: T, value: unknown, where: string): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => explain(issue, schema, value, []));
  throw new BeltsightError(
    'CONFIG_INVALID',
    `${where} is no valid configuration:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
  );
}

/** @param at where `value` lies in the configuration; the issue's own path counts from there, as its schema does */
function explain(issue: Issue, schema: Schema, value: unknown, at: Path): string[] {
  const path = [...at, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, issue.path);
    return issue.keys.map((key) => {
      const near = nearest(key, known);
      const hint = near === undefined ? `; known are ${known.join(', ')}` : `; did you mean "${near}"?`;
      return `unknown key "${[...path, key].join('.')}"${hint}`;
    });
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) return explainUnion(issue, schema, value, path);
  const message = isEmpty(issue, value) ? emptyMessage(schema, issue.path) : issue.message;
  return [path.length > 0 ? `${path.join('.')}: ${message}` : message];
}

/** Of several forms that a value may have: all that there are where it is like none, otherwise what keeps it from the nearest. */
function explainUnion({ errors, path: within }: UnionIssue, schema: Schema, value: unknown, path: Path): string[] {
  const options = partsAt(schema, within).find(({ def }) => def.options?.length === errors.length)?.def.options;
  const forms = errors.map((issues, i) => ({ issues, schema: options?.[i] }));
  const alike = forms.filter(({ issues }) => issues.some((issue) => expectedOf(issue) === undefined));
  const [best] = alike.sort((a, b) => misfit(a.issues, a.schema) - misfit(b.issues, b.schema));
  const expected = new Set(errors.flat().flatMap((issue) => expectedOf(issue) ?? []));
  if (!best && expected.size > 1) {
    return [`${path.join('.')}: Invalid input: expected one of ${[...expected].join('|')}`];
  }
  const form = best ?? forms[0];
  return form?.issues.flatMap((issue) => explain(issue, form.schema, valueAt(value, within), path)) ?? [];
}

/** What an issue with the value as a whole, not with a part of it, says that it should be. */
function expectedOf(issue: Issue): string[] | undefined {
  if (issue.path.length > 0) return undefined;
  if (issue.code === 'invalid_value') return issue.values.map((value) => JSON.stringify(value));
  return issue.code === 'invalid_type' ? [issue.expected] : undefined;
}

/** How much keeps a value from a form: its issues, and every unknown key; one that is near no known key twice. */
function misfit(issues: readonly Issue[], schema: Schema): number {
  const weights = issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return 1;
    const known = keysAt(schema, issue.path);
    return issue.keys.map((key) => (nearest(key, known) === undefined ? 2 : 1));
  });
  return weights.reduce((sum: number, weight) => sum + weight, 0);
}

/** A key that has nothing behind it is null in YAML. */
function isEmpty(issue: Issue, value: unknown): boolean {
  if (issue.code !== 'invalid_type' || issue.path.length === 0) return false;
  return (issue.expected === 'object' || issue.expected === 'record') && valueAt(value, issue.path) === null;
}

function emptyMessage(schema: Schema, path: Path): string {
  const optional = partsAt(schema, path).some((part) => part.safeParse({}).success);
  return optional ? 'is empty: write {} for the defaults' : 'is empty, where keys and values are expected';
}

function valueAt(value: unknown, path: Path): unknown {
  // biome-ignore lint/suspicious/noExplicitAny: whatever people wrote.
  return path.reduce<any>((inner, key) => inner?.[key], value);
}

/** Names of the keys of the objects that the schema allows at a path. */
function keysAt(schema: Schema, path: Path): string[] {
  const parts = partsAt(schema, path).flatMap(formsOf);
  return [...new Set(parts.flatMap((part) => Object.keys(part.shape ?? {})))];
}

/** Parts of the schema that a path leads to; several where it leads through a union. */
function partsAt(schema: Schema, path: Path): Schema[] {
  return path.reduce<Schema[]>(
    (parts, key) => parts.flatMap(formsOf).flatMap((part) => unwrapped(childOf(part, key)) ?? []),
    schema === undefined ? [] : [unwrapped(schema)],
  );
}

function childOf({ shape, def }: Schema, key: PropertyKey): Schema {
  return typeof key === 'number' ? def.element : (shape?.[key] ?? def.valueType);
}

const formsOf = (schema: Schema): Schema[] => schema.def.options?.map(unwrapped).flatMap(formsOf) ?? [schema];

/** Without what is around it: optional, default, a transformation, ... */
function unwrapped(schema: Schema): Schema {
  const inner = schema?.def.innerType ?? schema?.def.in;
  return inner === undefined ? schema : unwrapped(inner);
}
