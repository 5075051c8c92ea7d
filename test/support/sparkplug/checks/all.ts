import type { Check } from './check.js';
import { connectionChecks } from './connection.js';
import { envelopeChecks } from './envelope.js';
import { metricChecks } from './metrics.js';
import { orderChecks } from './order.js';
import { primaryHostChecks } from './primary-host.js';

/** Everything that is asked of an edge node. */
export const CHECKS: readonly Check[] = [
  ...connectionChecks,
  ...envelopeChecks,
  ...metricChecks,
  ...orderChecks,
  ...primaryHostChecks,
];
