import type { CameraStatus, ResultMessage } from '@beltsight/sdk';
import type { Value } from '../payload/datatype.js';
import { COMMAND_METRICS, LARGEST, type MetricDefinition } from './definition.js';

const counter = (name: string, description: string): MetricDefinition => ({
  name: `Counters/${name}`,
  type: 'Int64',
  low: 0,
  high: LARGEST,
  initial: 0,
  description,
});

const RESULT: readonly MetricDefinition[] = [
  { name: 'Result/ID', type: 'String', description: 'UUID of the latest result; equal ids are one result.' },
  { name: 'Result/Verdict', type: 'String', description: 'pass, reject or unknown (no class of the model).' },
  { name: 'Result/Good', type: 'Boolean', description: 'Whether the verdict is pass.' },
  { name: 'Result/Score', type: 'Double', low: 0, deadband: 'score', description: 'Anomaly score, larger is worse.' },
  { name: 'Result/Threshold', type: 'Double', low: 0, description: 'Score from which on the class is rejected.' },
  { name: 'Result/P Value', type: 'Double', low: 0, high: 1, description: 'Share of good products with such a score.' },
  { name: 'Result/Class', type: 'String', description: 'Product class; null when the product is unknown.' },
  { name: 'Result/Class Source', type: 'String', description: 'recognised, or recipe where it was set.' },
  { name: 'Result/Class Distance', type: 'Double', low: 0, high: 2, description: 'Cosine distance to the class.' },
  { name: 'Result/Frame', type: 'Int64', low: 0, high: LARGEST, description: 'Number of the frame.' },
  { name: 'Result/Captured At', type: 'DateTime', description: 'When the frame was captured (UTC).' },
  { name: 'Result/Source', type: 'String', description: 'File of the frame, where it has one.' },
  {
    name: 'Result/Latency',
    type: 'Double',
    unit: 'ms',
    low: 0,
    high: 60_000,
    deadband: 'latencyMs',
    description: 'From capture to result.',
  },
];

const HEATMAP: MetricDefinition = {
  name: 'Result/Heatmap',
  type: 'File',
  description: 'Heatmap of the latest result (PNG); null where it has none.',
};

const STATE: readonly MetricDefinition[] = [
  { name: 'Camera/State', type: 'String', initial: 'starting', description: 'starting, running, failed or ended.' },
  { name: 'Camera/Error', type: 'String', description: 'What is wrong and what to do; null when nothing is.' },
  { name: 'Camera/Rate', type: 'Double', unit: 'Hz', low: 0, high: 1000, initial: 0, description: 'Results a second.' },
  counter('Captured', 'Frames captured since the start.'),
  counter('Dropped', 'Frames overtaken by a newer one.'),
  counter('Failures', 'Times the camera failed.'),
  counter('Inspected', 'Results since the start.'),
  counter('Passed', 'Results with verdict pass.'),
  counter('Rejected', 'Results with verdict reject.'),
  counter('Unknown', 'Results with verdict unknown.'),
];

const REBIRTH: MetricDefinition = {
  name: 'Device Control/Rebirth',
  type: 'Boolean',
  writable: true,
  initial: false,
  description: 'Write true: DBIRTH of this camera.',
};

const CONTROL: readonly MetricDefinition[] = [
  {
    name: 'Control/Class',
    type: 'String',
    writable: true,
    nullable: true,
    description: 'Product class on the belt (recipe); null or empty: the model recognises it.',
  },
  { name: 'Control/Paused', type: 'Boolean', writable: true, initial: false, description: 'Inspects nothing.' },
  { name: 'Control/Trigger', type: 'Boolean', writable: true, initial: false, description: 'Write true: one frame.' },
  {
    name: 'Control/Collect/Class',
    type: 'String',
    writable: true,
    description: 'Class for which good images are collected; write it before or with the count.',
  },
  {
    name: 'Control/Collect/Count',
    type: 'Int32',
    writable: true,
    low: 1,
    high: 100_000,
    description: 'Write it: collects until there are so many.',
  },
  ...COMMAND_METRICS,
];

/** The metrics of one camera (a Sparkplug device). */
export function cameraMetrics(options: { readonly heatmaps: boolean; readonly commands: boolean }): MetricDefinition[] {
  return [...STATE, ...RESULT, ...(options.heatmaps ? [HEATMAP] : []), REBIRTH, ...(options.commands ? CONTROL : [])];
}

/** Values of the metrics below `Result`; the heatmap only where it is a metric. */
export function resultValues(result: ResultMessage, heatmap: Uint8Array | null | undefined): Record<string, Value> {
  return {
    'Result/ID': result.id,
    'Result/Verdict': result.verdict,
    'Result/Good': result.verdict === 'pass',
    'Result/Score': result.score,
    'Result/Threshold': result.threshold,
    'Result/P Value': result.pValue,
    'Result/Class': result.class.name,
    'Result/Class Source': result.class.source,
    'Result/Class Distance': result.class.distance,
    'Result/Frame': result.frame.sequence,
    'Result/Captured At': Date.parse(result.frame.capturedAt),
    'Result/Source': result.frame.source ?? null,
    'Result/Latency': result.latencyMs,
    ...(heatmap === undefined ? {} : { 'Result/Heatmap': heatmap }),
  };
}

/** Values that a status knows of a camera. */
export function statusValues(status: CameraStatus): Record<string, Value> {
  return {
    'Camera/State': status.state,
    'Camera/Error': status.error ?? null,
    'Camera/Rate': Math.round(status.rateHz * 100) / 100,
    'Counters/Captured': status.frames,
    'Counters/Dropped': status.dropped,
    'Counters/Failures': status.failures ?? 0,
    'Counters/Inspected': status.inspected,
  };
}
