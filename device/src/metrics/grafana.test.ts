import { readFileSync } from 'node:fs';
import { parser } from '@prometheus-io/lezer-promql';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { figuresOf } from '../../../test/support/publisher-figures.js';
import { brokerGauges, cameraGauges, infoGauges, machineGauges, type Readings } from './gauges.js';
import { Instruments } from './instruments.js';

const example = (name: string) => readFileSync(new URL(`../../../examples/grafana/${name}`, import.meta.url), 'utf8');

interface Known {
  readonly labels: readonly string[];
}

/** Series that a device has, by name, with their labels. */
async function seriesOfDevice(): Promise<ReadonlyMap<string, Known>> {
  const registry = new Registry();
  new Instruments(registry);
  const readings: Readings = {
    cameras: () => [],
    skipped: () => 0,
    publisher: () => figuresOf(),
    temperatures: () => [],
    eventLoop: () => ({ p50Ms: 0, p99Ms: 0 }),
  };
  for (const add of [cameraGauges, brokerGauges, machineGauges]) add(registry, readings);
  infoGauges(registry, {
    build: () => ({ version: '', node: '', onnxruntime: '', arch: '' }),
    device: () => ({ site: '', line: '', device: '' }),
    model: () => ({ id: '', name: '' }),
    provider: () => ({ provider: '' }),
  });
  const known = new Map<string, Known>([['up', { labels: [] }]]);
  for (const metric of registry.getMetricsAsArray()) {
    const { name, type, labelNames } = metric as unknown as { name: string; type?: string; labelNames: string[] };
    const histogram = metric.constructor.name === 'Histogram' || type === 'histogram';
    if (!histogram) known.set(name, { labels: labelNames });
    else {
      for (const suffix of ['_sum', '_count']) known.set(name + suffix, { labels: labelNames });
      known.set(`${name}_bucket`, { labels: [...labelNames, 'le'] });
    }
  }
  return known;
}

/** What a PromQL expression names: metrics, and labels in its matchers and groupings. */
function namesIn(expression: string): { metrics: string[]; labels: string[] } {
  // A variable of Grafana.
  const text = expression.replaceAll('$__rate_interval', '5m');
  const found = { metrics: [] as string[], labels: [] as string[] };
  parser.parse(text).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) throw new Error(`No PromQL at ${from}: ${text}`);
      if (type.name === 'VectorSelector' || type.name === 'Identifier') {
        const [name] = /^[a-zA-Z_:][\w:]*/.exec(text.slice(from, to)) ?? [];
        if (name && type.name === 'Identifier') found.metrics.push(name);
      }
      if (type.name === 'LabelName') found.labels.push(text.slice(from, to));
    },
  });
  return found;
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}
const rules: Rule[] = parse(example('alerts.yaml')).groups.flatMap(({ rules: of }: { rules: Rule[] }) => of);

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}
const panels: Panel[] = JSON.parse(example('dashboard.json')).panels;

const expressions = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
];

describe('the examples for Prometheus and Grafana', () => {
  it.each(expressions)('%s asks for series and labels that a device has', async (_, expression) => {
    const known = await seriesOfDevice();
    const { metrics, labels } = namesIn(expression);
    expect(metrics.length).toBeGreaterThan(0);
    for (const name of metrics) expect([...known.keys()]).toContain(name);
    // Prometheus itself gives every series these.
    const there = new Set(['job', 'instance', ...metrics.flatMap((name) => known.get(name)?.labels ?? [])]);
    for (const label of labels) expect([...there]).toContain(label);
  });

  it('show every figure that tells of trouble', () => {
    const used = new Set(expressions.flatMap(([, expression]) => namesIn(expression).metrics));
    for (const name of [
      'beltsight_frames_dropped_total',
      'beltsight_messages_dropped_total',
      'beltsight_camera_failures_total',
    ]) {
      expect(used).toContain(name);
    }
  });

  it('know frames that are not inspected for a good reason', () => {
    const idle = rules.find(({ alert }) => alert === 'BeltsightNothingInspected')?.expr ?? '';
    const [, excused = ''] = /unless.*beltsight_frames_dropped_total\{cause=~"(.*)"\}/.exec(idle) ?? [];
    expect(excused.split('|').sort()).toEqual(['paused', 'untriggered']);
  });

  it('have alerts that say what it is and what to do, and panels of their own number', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { annotations } of rules) expect(Object.keys(annotations)).toEqual(['summary', 'description']);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });

  it('finds an expression wrong that is', async () => {
    expect(() => namesIn('sum(rate(a[5m])')).toThrow(/No PromQL/);
    expect(namesIn('sum by (b) (rate(a_total{c="d"}[5m])) / on (e) f')).toEqual({
      metrics: ['a_total', 'f'],
      labels: expect.arrayContaining(['b', 'c', 'e']),
    });
  });
});
