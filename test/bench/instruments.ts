/**
 * npm run bench -- instruments [--json FILE]
 *
 * What the metrics of a device cost: nanoseconds that a result and a stage take to be counted, and milliseconds of a status and of a
 * scrape, with the series of three cameras and ten classes.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { CameraStatus, ResultMessage, StatusMessage } from '@beltsight/sdk';

import { pino } from 'pino';
import { deviceConfigSchema } from '../../device/src/config/schema.js';
import { DeviceMetrics } from '../../device/src/metrics/device-metrics.js';
import { modelInUse } from '../support/model-in-use.js';
import { figuresOf } from '../support/publisher-figures.js';

const { values } = parseArgs({ options: { json: { type: 'string' } } });
const [CAMERAS, CLASSES] = [3, 10];
const cameras = Array.from({ length: CAMERAS }, (_, i) => ({ name: `camera${i}`, source: { type: 'test' } }));
const classes = Array.from({ length: CLASSES }, (_, i) => ({ name: `class${i}` }));

const config = deviceConfigSchema.parse({
  site: 's',
  line: 'l',
  device: 'd',
  bundle: '/bundle',
  broker: { url: 'mqtt://127.0.0.1' },
  cameras,
});
const metrics = new DeviceMetrics(config, pino({ level: 'silent' }));
const figures = cameras.map(
  ({ name }): CameraStatus => ({ name, state: 'running', frames: 9, dropped: 1, failures: 0, inspected: 8, rateHz: 4 }),
);
metrics.start({
  model: modelInUse({ modelId: 'm', name: 'm', classes }),
  cameras: () => figures,
  publisher: () => figuresOf(),
  alive: () => true,
  changed: () => undefined,
});
const results = Array.from({ length: CAMERAS * CLASSES }, (_, i) => resultOf(i));
const status: StatusMessage = {
  schema: 'beltsight.status/1',
  state: 'online',
  at: '2026-01-01T00:00:00.000Z',
  device: { site: 's', line: 'l', device: 'd' },
  cameras: figures,
};

const resultNs = perCall(100_000, (i) => metrics.result(results[i % results.length] as ResultMessage)) * 1e6;
const stageNs = perCall(300_000, (i) => metrics.stage('model', i % 100)) * 1e6;
const statusMs = perCall(300, () => metrics.withFigures(status));
let text = '';
const scrapes: number[] = [];
for (let i = 0; i < 300; i++) {
  const begin = performance.now();
  text = await metrics.render();
  scrapes.push(performance.now() - begin);
}
const scrapeMs = median(scrapes);
const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
await metrics.close();

console.log(`a result      ${resultNs.toFixed(0)} ns`);
console.log(`a stage       ${stageNs.toFixed(0)} ns`);
console.log(
  `a status      ${statusMs.toFixed(2)} ms, ${JSON.stringify(metrics.withFigures(status).metrics).length} bytes`,
);
console.log(`a scrape      ${scrapeMs.toFixed(2)} ms, ${series} series, ${text.length} bytes`);
if (values.json)
  writeFileSync(values.json, `${JSON.stringify({ resultNs, stageNs, statusMs, scrapeMs, series }, null, 2)}\n`);

/** Milliseconds of a call: the median of ten rounds. */
function perCall(calls: number, call: (i: number) => void): number {
  const rounds = Array.from({ length: 10 }, () => {
    const begin = performance.now();
    for (let i = 0; i < calls / 10; i++) call(i);
    return (performance.now() - begin) / (calls / 10);
  });
  return median(rounds);
}

function median(of: readonly number[]): number {
  return [...of].sort((a, b) => a - b)[Math.floor(of.length / 2)] as number;
}

function resultOf(i: number): ResultMessage {
  return {
    schema: 'beltsight.result/1',
    id: '019aa8f2-6c0e-7c55-a3a2-3b1f0f7f3c11',
    camera: `camera${i % CAMERAS}`,
    frame: { sequence: i, capturedAt: '2026-01-01T00:00:00.000Z' },
    verdict: i % 5 ? 'pass' : 'reject',
    score: i / 20,
    threshold: 1,
    pValue: 0.5,
    class: { name: `class${i % CLASSES}`, source: 'recognised', distance: 0.1 },
    modelId: 'm',
    latencyMs: 40,
  };
}
