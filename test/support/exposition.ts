/** One sample of an exposition. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Samples of one metric, with what is said of it. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\\\\n]|\\\\[\\\\"n])*)"';
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)?\\})? (\\S+)$`);
const TYPES = ['counter', 'gauge', 'histogram', 'summary'];

/**
 * Reads Prometheus' text format, version 0.0.4, more strictly than Prometheus does: each metric has HELP, TYPE and then its samples in
 * one place, no sample is there twice, counters end in _total and do not fall below 0, buckets of a histogram add up.
 * @throws Error naming the line
 */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('The exposition does not end with a line end.');
  const families = new Map<string, { name: string; type: string; help: string; samples: Sample[] }>();
  let current: { name: string; type: string; help: string; samples: Sample[] } | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const refuse = (why: string) => new Error(`${why}: ${line}`);
    const comment = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line);
    if (comment) {
      const [, kind, name, rest] = comment as unknown as [string, string, string, string];
      if (kind === 'HELP') {
        if (families.has(name)) throw refuse('Twice');
        current = { name, type: '', help: rest, samples: [] };
        families.set(name, current);
      } else {
        if (current?.name !== name || current.type !== '') throw refuse('TYPE without HELP before it');
        if (!TYPES.includes(rest)) throw refuse('No such type');
        current.type = rest;
      }
      continue;
    }
    const sample = sampleOf(line);
    if (!sample || !current?.type) throw refuse('No sample');
    if (!belongs(sample.name, current)) throw refuse(`No sample of ${current.name}`);
    if (current.samples.some((other) => keyOf(other) === keyOf(sample))) throw refuse('Twice');
    current.samples.push(sample);
  }
  for (const family of families.values()) check(family);
  return families;
}

/** The value of a sample whose labels include these. */
export function sampleValue(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''));
  const matches = family?.samples.filter(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  );
  if (matches && matches.length > 1)
    throw new Error(`${name} has ${matches.length} samples with ${JSON.stringify(labels)}`);
  return matches?.[0]?.value;
}

function sampleOf(line: string): Sample | undefined {
  const match = SAMPLE.exec(line);
  if (!match) return undefined;
  const [name, inner = '', text] = [match[1] as string, match[2], match.at(-1) as string];
  const labels: Record<string, string> = {};
  for (const [, key, value] of inner.matchAll(new RegExp(LABEL, 'g')) as Iterable<string[]>) {
    if ((key as string) in labels) return undefined;
    labels[key as string] = (value as string).replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
  }
  const value = text === '+Inf' ? Number.POSITIVE_INFINITY : Number(text);
  return Number.isNaN(value) ? undefined : { name, labels, value };
}

const belongs = (name: string, family: { name: string; type: string }) =>
  family.type === 'histogram'
    ? ['_bucket', '_sum', '_count'].some((suffix) => name === family.name + suffix)
    : name === family.name;

const keyOf = ({ name, labels }: Sample) =>
  JSON.stringify([name, Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);

function check({ name, type, samples }: Family): void {
  if (type === '') throw new Error(`${name} has no TYPE.`);
  if (type === 'counter') {
    if (!name.endsWith('_total')) throw new Error(`The counter ${name} does not end in _total.`);
    if (samples.some(({ value }) => value < 0)) throw new Error(`The counter ${name} is below 0.`);
  }
  if (type === 'gauge' && name.endsWith('_total')) throw new Error(`The gauge ${name} ends in _total.`);
  if (type === 'histogram') checkBuckets(name, samples);
}

function checkBuckets(name: string, samples: readonly Sample[]): void {
  const groups = new Map<string, { le: number; value: number }[]>();
  for (const { name: part, labels, value } of samples) {
    if (!part.endsWith('_bucket')) continue;
    const { le = '', ...rest } = labels;
    const key = keyOf({ name, labels: rest, value });
    groups.set(key, [...(groups.get(key) ?? []), { le: le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le), value }]);
  }
  for (const { name: part, labels, value } of samples) {
    if (!part.endsWith('_count')) continue;
    const buckets = groups.get(keyOf({ name, labels, value })) ?? [];
    const rising = buckets.every(
      (bucket, i) => i === 0 || (bucket.le > (buckets[i - 1]?.le ?? 0) && bucket.value >= (buckets[i - 1]?.value ?? 0)),
    );
    const last = buckets.at(-1);
    if (!rising || last?.le !== Number.POSITIVE_INFINITY || last.value !== value) {
      throw new Error(`Buckets of ${name} ${JSON.stringify(labels)} do not add up.`);
    }
  }
}
