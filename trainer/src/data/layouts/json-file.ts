import { readFile } from 'node:fs/promises';
import { BeltsightError } from '@beltsight/sdk';
import { isNode, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';

/**
 * Reads a JSON file that describes a data set.
 * @throws BeltsightError DATASET_INVALID naming the file, and the line where it is known, of the first thing that is wrong
 */
export async function readJson<T extends z.ZodType>(file: string, schema: T): Promise<z.output<T>> {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw invalid(file, `cannot be read: ${cause.message}`, cause);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const line = lineOfError(text);
    throw invalid(line === undefined ? file : `${file}:${line}`, (cause as Error).message, cause);
  }
  const { data, error } = schema.safeParse(value);
  if (error === undefined) return data;
  const [issue] = error.issues as [z.core.$ZodIssue];
  throw invalid(`${file}:${lineOf(text, issue.path)}`, `${issue.path.join('.')}: ${issue.message}`, error);
}

const invalid = (where: string, why: string, cause: unknown) =>
  new BeltsightError('DATASET_INVALID', `${where}: ${why}. Unpack the data set anew.`, { cause });

/** Where the text is no JSON. JSON is YAML, whose parser knows the places; undefined where YAML allows more than JSON. */
function lineOfError(text: string): number | undefined {
  return parseDocument(text, { lineCounter: new LineCounter() }).errors[0]?.linePos?.[0].line;
}

/** Line of the innermost value on the way to a path that is there. */
function lineOf(text: string, path: readonly PropertyKey[]): number {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  for (let depth = path.length; depth >= 0; depth--) {
    const node = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}
