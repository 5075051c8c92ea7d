import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectSection } from '../../../test/support/document.js';
import { ROOT } from '../../../test/support/processes.js';
import { CHECKS } from '../../../test/support/sparkplug/checks/all.js';
import { NOT_COVERED, statementsAsMarkdown } from '../../../test/support/sparkplug/statements.js';
import { cameraMetrics } from './metrics/camera.js';
import type { MetricDefinition } from './metrics/definition.js';
import { nodeMetrics } from './metrics/node.js';
import { sparkplugSchema } from './schema.js';

const PAGE = 'docs/sparkplug.md';

function table(metrics: readonly MetricDefinition[]): string {
  const ends = ({ low, high }: MetricDefinition) => {
    if (low === undefined) return '';
    return high === undefined ? `${low} …` : `${low} … ${high === Number.MAX_SAFE_INTEGER ? '2^53' : high}`;
  };
  const rows = metrics.map((metric) => {
    const { name, type, unit = '', writable, description } = metric;
    return `| \`${name}\` | ${type} | ${unit} | ${ends(metric)} | ${writable ? 'yes' : ''} | ${description} |`;
  });
  return [
    '| metric | type | unit | range | writable | meaning |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

describe('docs/sparkplug.md', () => {
  it('has every metric of a camera', () => {
    expectSection(PAGE, 'camera metrics', table(cameraMetrics({ heatmaps: true, commands: true })));
  });

  it('has every metric of the edge node', () => {
    expectSection(
      PAGE,
      'node metrics',
      table(nodeMetrics({ cameras: ['<camera>'], classes: ['<class>'], commands: true })),
    );
  });

  it('has the statements that the checks cover, and those that they do not', () => {
    expectSection(PAGE, 'statements', statementsAsMarkdown());
  });

  it('counts no statement twice', () => {
    const covered = new Set(CHECKS.flatMap(({ statements }) => statements));
    const rest = NOT_COVERED.flatMap(({ statements }) => statements);
    expect(rest.filter((id) => covered.has(id))).toEqual([]);
    expect(new Set(rest).size).toBe(rest.length);
    expect([...covered, ...rest].filter((id) => !/^tck-id-[A-Za-z0-9-]+$/.test(id))).toEqual([]);
  });

  it('names every key of the configuration', () => {
    const page = readFileSync(join(ROOT, PAGE), 'utf8');
    const { deadband, store } = sparkplugSchema.shape;
    const keys = [
      ...Object.keys(sparkplugSchema.shape).filter((key) => key !== 'deadband' && key !== 'store'),
      ...Object.keys(deadband.unwrap().shape).map((key) => `deadband.${key}`),
      ...Object.keys(store.unwrap().shape).map((key) => `store.${key}`),
    ];
    for (const key of keys) expect(page).toContain(`| \`${key}\` |`);
  });
});
