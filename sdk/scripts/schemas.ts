/** npm run schemas -w @beltsight/sdk: writes the JSON Schema of every message and of the bundle manifest into sdk/schemas. */
import { writeFileSync } from 'node:fs';
import { jsonSchemas } from './json-schemas.js';

for (const [name, schema] of Object.entries(jsonSchemas())) {
  writeFileSync(new URL(`../schemas/${name}.schema.json`, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
}
