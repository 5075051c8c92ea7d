import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { jsonSchemas } from '../../scripts/json-schemas.js';
import { resultSchema } from './result.js';
import { statusSchema } from './status.js';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

describe('shipped JSON Schemas', () => {
  it.each(Object.entries(jsonSchemas()))(
    '%s is what the parser checks (npm run schemas -w @beltsight/sdk)',
    (name, schema) => {
      expect(JSON.parse(read(`../../schemas/${name}.schema.json`))).toEqual(JSON.parse(JSON.stringify(schema)));
    },
  );
});

describe('docs/messages.md', () => {
  const examples = [...read('../../../docs/messages.md').matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) =>
    JSON.parse(text as string),
  );
  it('shows messages that a client accepts', () => {
    expect(examples.map(({ schema }) => schema)).toEqual(['beltsight.result/1', 'beltsight.status/1']);
    resultSchema.parse(examples[0]);
    statusSchema.parse(examples[1]);
  });
});
