import { z } from 'zod';
import { manifestSchema } from '../src/bundle/manifest.js';
import { alarmSchema, rejectSchema } from '../src/messages/alarm.js';
import { commandArguments, commandSchema, replySchema } from '../src/messages/command.js';
import { resultSchema } from '../src/messages/result.js';
import { rolloutSchema } from '../src/messages/rollout.js';
import { statusSchema } from '../src/messages/status.js';
import { desiredSchema, fetchSchema, updateStateSchema } from '../src/messages/update.js';

/** JSON Schema by file name, of everything JSON that crosses a border. */
export function jsonSchemas(): Readonly<Record<string, unknown>> {
  const schemas = {
    result: resultSchema,
    status: statusSchema,
    alarm: alarmSchema,
    reject: rejectSchema,
    command: commandSchema,
    'command-arguments': z.strictObject(commandArguments),
    reply: replySchema,
    'update-desired': desiredSchema,
    'update-state': updateStateSchema,
    'update-fetch': fetchSchema,
    rollout: rolloutSchema,
    bundle: manifestSchema,
  };
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, z.toJSONSchema(schema, { override: optional })]),
  );
}

/** What has a default may be absent, as in a file from before it was introduced. */
function optional({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  const { required, properties = {} } = jsonSchema;
  const hasDefault = (name: string) => (properties[name] as { default?: unknown } | undefined)?.default !== undefined;
  if (required) jsonSchema.required = required.filter((name) => !hasDefault(name));
}
