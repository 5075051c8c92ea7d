import type { Property } from '../payload/codec.js';
import type { DataType, Value } from '../payload/datatype.js';

/** What a metric is, as its birth tells the host. */
export interface MetricDefinition {
  readonly name: string;
  readonly type: DataType;
  readonly description: string;
  /** Engineering unit; numbers without one are pure numbers. */
  readonly unit?: string;
  /** Range of a number, where it has ends. */
  readonly low?: number;
  readonly high?: number;
  /** Hosts may write it. */
  readonly writable?: boolean;
  /** Hosts may write null. */
  readonly nullable?: boolean;
  /** Value before anything is known; null where it is not given. */
  readonly initial?: Exclude<Value, null | Uint8Array>;
  /** Which dead band of the configuration holds for it. */
  readonly deadband?: 'score' | 'latencyMs';
  /** Hosts must name it; it has no alias. */
  readonly bare?: boolean;
}

/** Whole numbers that survive in every host: counters never get there. */
export const LARGEST = Number.MAX_SAFE_INTEGER;

/** What the birth says of a metric besides name, type and value. */
export function propertiesOf(definition: MetricDefinition): Record<string, Property> {
  const { description, unit, low, high, writable = false } = definition;
  return {
    description: { type: 'String', value: description },
    ...(unit === undefined ? {} : { engUnit: { type: 'String', value: unit } }),
    ...(low === undefined ? {} : { engLow: { type: 'Double', value: low } }),
    ...(high === undefined ? {} : { engHigh: { type: 'Double', value: high } }),
    readOnly: { type: 'Boolean', value: !writable },
  };
}

/** How the last command of a node or camera went. */
export const COMMAND_METRICS: readonly MetricDefinition[] = [
  { name: 'Command/Name', type: 'String', description: 'Command that was carried out last.' },
  { name: 'Command/OK', type: 'Boolean', description: 'Whether it succeeded.' },
  { name: 'Command/Message', type: 'String', description: 'Why it did not, and what to do.' },
  { name: 'Command/Latency', type: 'Double', unit: 'ms', low: 0, high: 60_000, description: 'How long it took.' },
];
