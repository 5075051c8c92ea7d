import type { MetricDefinition } from '../metrics/definition.js';
import { decodePayload, type Metric } from '../payload/codec.js';
import { fromWire, type Value } from '../payload/datatype.js';

/** A value that a host writes to a metric. */
export interface Write {
  readonly name: string;
  readonly value: Value;
}

export interface Parsed {
  readonly writes: readonly Write[];
  /** Metrics, or whole payloads, that make no sense. */
  readonly refused: number;
}

/** A host writes a handful of metrics at once; larger payloads are none of ours. */
const LIMITS = { bytes: 65_536, metrics: 64, text: 256 };

/**
 * Reads the payload of an NCMD or DCMD, whoever sent it: only writable metrics, with values that they can hold. Never throws.
 * @param find the metric that an alias or name means
 */
export function parseWrites(
  bytes: Uint8Array,
  find: (metric: Pick<Metric, 'alias' | 'name'>) => MetricDefinition | undefined,
): Parsed {
  const payload = bytes.length <= LIMITS.bytes ? decodePayload(bytes) : undefined;
  if (!payload || payload.metrics.length === 0 || payload.metrics.length > LIMITS.metrics)
    return { writes: [], refused: 1 };
  const writes = payload.metrics.flatMap((metric) => writeOf(metric, find(metric)) ?? []);
  return { writes, refused: payload.metrics.length - writes.length };
}

function writeOf({ isNull, value }: Metric, definition: MetricDefinition | undefined): Write | undefined {
  if (!definition?.writable) return undefined;
  const { name, type, nullable = false } = definition;
  if (isNull) return nullable ? { name, value: null } : undefined;
  const written = value && fromWire(type, value);
  if (written === undefined || (typeof written === 'string' && written.length > LIMITS.text)) return undefined;
  return { name, value: written };
}
