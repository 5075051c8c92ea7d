import { createHash } from 'node:crypto';
import type { MetaData, Metric } from '../payload/codec.js';
import { DATA_TYPES, toWire, type Value } from '../payload/datatype.js';
import { type MetricDefinition, propertiesOf } from './definition.js';

export interface TagsOptions {
  /** Gives the next alias, unique over the whole edge node. */
  readonly nextAlias: () => number;
  readonly deadband: Readonly<Record<'score' | 'latencyMs', number>>;
}

interface Tag {
  readonly definition: MetricDefinition;
  readonly alias: number | undefined;
  value: Value;
  timestamp: number;
  /** What the host knows; undefined: nothing yet. */
  reported: Value | undefined;
}

/** The metrics of the edge node or of one device: their values, and which of them the host does not know. */
export class Tags {
  readonly #tags = new Map<string, Tag>();
  readonly #byAlias = new Map<number, Tag>();

  constructor(
    definitions: readonly MetricDefinition[],
    private readonly options: TagsOptions,
    now = Date.now(),
  ) {
    this.define(definitions, now);
  }

  /** Exchanges the metrics; those that stay keep alias and value. The host must hear of it by a birth. */
  define(definitions: readonly MetricDefinition[], now = Date.now()): void {
    const before = new Map(this.#tags);
    this.#tags.clear();
    this.#byAlias.clear();
    for (const definition of definitions) {
      const alias = definition.bare ? undefined : (before.get(definition.name)?.alias ?? this.options.nextAlias());
      const { value = definition.initial ?? null, timestamp = now } = before.get(definition.name) ?? {};
      const tag: Tag = { definition, alias, value, timestamp, reported: undefined };
      this.#tags.set(definition.name, tag);
      if (alias !== undefined) this.#byAlias.set(alias, tag);
    }
  }

  /** Takes over values by name; names that are no metric here are left out. */
  set(values: Readonly<Record<string, Value>>, timestamp = Date.now()): void {
    for (const [name, value] of Object.entries(values)) {
      const tag = this.#tags.get(name);
      if (!tag || tag.value === value) continue;
      tag.value = value;
      tag.timestamp = timestamp;
    }
  }

  value(name: string): Value | undefined {
    return this.#tags.get(name)?.value;
  }

  /** Reports a value with the next changes even where it is as it was: a host that wrote it must see what holds. */
  force(name: string, timestamp = Date.now()): void {
    const tag = this.#tags.get(name);
    if (!tag) return;
    tag.reported = undefined;
    tag.timestamp = timestamp;
  }

  /** The metric that a host means by its alias or, where it gives none, by its name. */
  find({ alias, name }: Pick<Metric, 'alias' | 'name'>): MetricDefinition | undefined {
    const tag = alias === undefined ? this.#tags.get(name ?? '') : this.#byAlias.get(alias);
    return tag?.definition;
  }

  /** Every metric with all that is known of it. From now on the host knows the values. */
  birth(): Metric[] {
    return [...this.#tags.values()].map((tag) => {
      tag.reported = tag.value;
      const { name, type } = tag.definition;
      return { ...metric(tag), name, datatype: DATA_TYPES[type], properties: propertiesOf(tag.definition) };
    });
  }

  /** What the host does not know yet, oldest first (section 5.16). From now on it does. */
  changes(): Metric[] {
    const changed = [...this.#tags.values()].filter((tag) => this.#differs(tag));
    for (const tag of changed) tag.reported = tag.value;
    return changed.sort((a, b) => a.timestamp - b.timestamp).map(metric);
  }

  /** Values of an earlier time, as historical metrics. */
  historical(values: Readonly<Record<string, Value>>, timestamp: number): Metric[] {
    return Object.entries(values).flatMap(([name, value]) => {
      const tag = this.#tags.get(name);
      return tag ? [{ ...metric({ ...tag, value, timestamp }), isHistorical: true }] : [];
    });
  }

  #differs({ definition, value, reported }: Tag): boolean {
    const band = definition.deadband && this.options.deadband[definition.deadband];
    if (band && typeof value === 'number' && typeof reported === 'number') return Math.abs(value - reported) > band;
    return value !== reported;
  }
}

function metric({ definition, alias, value, timestamp }: Tag): Metric {
  return {
    ...(alias === undefined ? { name: definition.name } : { alias }),
    timestamp,
    ...(value === null ? { isNull: true } : { value: toWire(definition.type, value) }),
    ...(value instanceof Uint8Array ? { metadata: pictureMetaData(value) } : {}),
  };
}

function pictureMetaData(bytes: Uint8Array): MetaData {
  return {
    contentType: 'image/png',
    size: bytes.length,
    fileName: 'heatmap.png',
    fileType: 'png',
    md5: createHash('md5').update(bytes).digest('hex'),
  };
}
