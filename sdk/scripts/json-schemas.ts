import { z } from 'zod';
import { manifestSchema } from '../src/bundle/manifest.js';
import { resultSchema } from '../src/messages/result.js';
import { statusSchema } from '../src/messages/status.js';

/** JSON Schema by file name, of everything JSON that crosses a border. */
export function jsonSchemas(): Readonly<Record<string, unknown>> {
  const schemas = { result: resultSchema, status: statusSchema, bundle: manifestSchema };
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, z.toJSONSchema(schema)]));
}
