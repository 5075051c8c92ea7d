import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { topicsOf } from '@beltsight/sdk';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/processes.js';

describe('the Telegraf configuration', () => {
  interface Item {
    path: string;
    type?: string;
  }
  interface Consumer {
    topics: string[];
    topic_parsing: { topic: string; tags: string }[];
    json_v2: {
      timestamp_path?: string;
      tag?: Item[];
      field?: Item[];
      object?: {
        path: string;
        tags: string[];
        included_keys: string[];
        renames: Record<string, string>;
        fields: Record<string, string>;
      }[];
    }[];
  }
  const consumers = () => {
    const program = 'import json, sys, tomllib; print(json.dumps(tomllib.load(open(sys.argv[1], "rb"))))';
    const file = join(ROOT, 'examples/telegraf/telegraf.conf');
    return JSON.parse(execFileSync('/usr/bin/python3', ['-c', program, file], { encoding: 'utf8' })).inputs
      .mqtt_consumer as Consumer[];
  };
  /** JSON types that a field of Telegraf can be made of. */
  const TYPES: Record<string, readonly string[]> = { string: ['string'], float: ['number'], uint: ['integer'] };

  it('names topics that devices have, and their levels', () => {
    const { result, status } = topicsOf({ site: 'site', line: 'line', device: 'device' });
    for (const { topics, topic_parsing } of consumers()) {
      const [parsing] = topic_parsing;
      expect(topics).toEqual([parsing?.topic]);
      const real = (parsing?.topic.endsWith('result') ? result('camera') : status).split('/');
      const filter = (parsing?.topic ?? '').split('/');
      expect(filter.map((level, i) => (level === '+' ? real[i] : level))).toEqual(real);
      const tags = (parsing?.tags ?? '').split('/');
      expect(tags.map((_, i) => (filter[i] === '+' ? real[i] : '_'))).toEqual(tags);
    }
  });

  it('names fields that messages have, as what they are', async () => {
    let checked = 0;
    for (const { topics, json_v2 } of consumers()) {
      const schema = await schemaOf(topics[0] as string);
      for (const { timestamp_path, tag = [], field = [], object = [] } of json_v2) {
        if (timestamp_path) expect(at(schema, timestamp_path)?.format, timestamp_path).toBe('date-time');
        for (const { path } of tag) expect(typesOf(at(schema, path)), path).toContain('string');
        for (const { path, type = '' } of field) expect(TYPES[type], path).toContain(typesOf(at(schema, path))[0]);
        for (const { path, tags, included_keys, renames, fields } of object) {
          const items = at(schema, path)?.items ?? {};
          for (const key of [...tags, ...included_keys, ...Object.keys(renames)])
            expect(at(items, key), key).toBeDefined();
          for (const [key, type] of Object.entries(fields))
            expect(TYPES[type], key).toContain(typesOf(at(items, key))[0]);
          checked += included_keys.length;
        }
        checked += tag.length + field.length;
      }
    }
    expect(checked).toBe(18);
  });
});

describe('the UDT for Ignition', () => {
  interface Udt {
    parameters: Record<string, unknown>;
    tags: { name: string; dataType: string; sourceTagPath: { binding: string } }[];
  }
  /** Types of tags that JSON types go into. */
  const OF_JSON: Record<string, string> = { string: 'String', number: 'Float8', integer: 'Int8' };

  it('refers to topics and fields that devices have, as what they are', async () => {
    const file = join(ROOT, 'examples/ignition/beltsight-camera.udt.json');
    const { parameters, tags }: Udt = JSON.parse(await readFile(file, 'utf8'));
    expect(Object.keys(parameters)).toEqual(['Site', 'Line', 'Device', 'Camera']);
    const { status, result, alarm } = topicsOf({ site: 'Site', line: 'Line', device: 'Device' });
    expect(tags).toHaveLength(13);
    for (const { name, dataType, sourceTagPath } of tags) {
      // Parameters by their names, as if these were the levels.
      const path = sourceTagPath.binding.replace('[MQTT Engine]', '').replace(/[{}]/g, '');
      const topic = [status, result('Camera'), alarm('Camera')].find((one) => path.startsWith(`${one}/`));
      expect(topic, name).toBeDefined();
      const field = at(await schemaOf(topic as string), path.slice((topic as string).length + 1).replaceAll('/', '.'));
      expect(
        typesOf(field).map((type) => OF_JSON[type]),
        name,
      ).toContain(dataType);
    }
  });
});

/** As much of JSON Schema as the messages use. */
interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

/** The shipped schema of what a topic carries. */
async function schemaOf(topic: string): Promise<Schema> {
  return JSON.parse(await readFile(join(ROOT, 'sdk/schemas', `${topic.split('/').at(-1)}.schema.json`), 'utf8'));
}

/** The schema of a field by its path, as in `class.name`; undefined where messages have none. */
function at(schema: Schema, path: string): Schema | undefined {
  return path.split('.').reduce<Schema | undefined>((found, key) => found?.properties?.[key], schema);
}

/** What a value may be besides null. */
function typesOf(schema: Schema | undefined): string[] {
  return (schema?.anyOf ?? [schema]).flatMap((one) => one?.type ?? []).filter((type) => type !== 'null');
}
