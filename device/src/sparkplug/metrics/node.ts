import type { StatusMessage } from '@beltsight/sdk';
import type { Value } from '../payload/datatype.js';
import { COMMAND_METRICS, LARGEST, type MetricDefinition } from './definition.js';

/** Asks for births; it must have no alias (section 5.17). */
export const REBIRTH = 'Node Control/Rebirth';

const FIXED: readonly MetricDefinition[] = [
  {
    name: REBIRTH,
    type: 'Boolean',
    writable: true,
    initial: false,
    bare: true,
    description: 'Write true: NBIRTH and every DBIRTH.',
  },
  { name: 'State', type: 'String', description: 'starting, online, degraded (a camera failed) or stopping.' },
  { name: 'Properties/Software', type: 'String', description: 'What runs here.' },
  { name: 'Properties/Version', type: 'String', description: 'Its version.' },
  { name: 'Properties/Model', type: 'String', description: 'Id of the model.' },
  { name: 'Properties/Provider', type: 'String', description: 'What runs the model: tensorrt, cuda, webgpu or cpu.' },
  {
    name: 'Store/Waiting',
    type: 'Int64',
    low: 0,
    high: LARGEST,
    initial: 0,
    description: 'Results that wait for the host or the broker.',
  },
  {
    name: 'Counters/Refused Commands',
    type: 'Int64',
    low: 0,
    high: LARGEST,
    initial: 0,
    description: 'Commands and payloads that made no sense.',
  },
];

const PAUSED: MetricDefinition = {
  name: 'Control/Paused',
  type: 'Boolean',
  writable: true,
  initial: false,
  description: 'Every camera inspects nothing.',
};

/** Name of the metric that holds the threshold of a class. */
export const thresholdOf = (name: string) => `Classes/${name}/Threshold`;
/** Name of the metric by which that threshold is set. */
export const falseRejectRateOf = (name: string) => `Classes/${name}/False Reject Rate`;

const ofCamera = (camera: string): MetricDefinition[] => [
  {
    name: `Cameras/${camera}/State`,
    type: 'String',
    initial: 'starting',
    description: 'State of the camera, also while it has no birth.',
  },
  { name: `Cameras/${camera}/Error`, type: 'String', description: 'What is wrong with it; null when nothing is.' },
];

const ofClass = (name: string, commands: boolean): MetricDefinition[] => [
  {
    name: thresholdOf(name),
    type: 'Double',
    low: 0,
    description: 'Threshold of the class, from the first result on.',
  },
  ...(commands
    ? [
        {
          name: falseRejectRateOf(name),
          type: 'Double' as const,
          low: 0,
          high: 1,
          writable: true,
          nullable: true,
          description: 'Write the share of good products that may be rejected; null: as calibrated.',
        },
      ]
    : []),
];

export interface NodeParts {
  readonly cameras: readonly string[];
  readonly classes: readonly string[];
  readonly commands: boolean;
}

/** The metrics of the edge node, besides bdSeq. */
export function nodeMetrics({ cameras, classes, commands }: NodeParts): MetricDefinition[] {
  return [
    ...FIXED,
    ...cameras.flatMap(ofCamera),
    ...classes.flatMap((name) => ofClass(name, commands)),
    ...(commands ? [PAUSED, ...COMMAND_METRICS] : []),
  ];
}

/** Values that a status knows of the node. */
export function nodeValues(status: StatusMessage): Record<string, Value> {
  return {
    State: status.state,
    'Properties/Software': status.software?.name ?? null,
    'Properties/Version': status.software?.version ?? null,
    'Properties/Model': status.model?.id ?? null,
    'Properties/Provider': status.provider ?? null,
    ...Object.fromEntries(
      (status.cameras ?? []).flatMap(({ name, state, error }) => [
        [`Cameras/${name}/State`, state],
        [`Cameras/${name}/Error`, error ?? null],
      ]),
    ),
  };
}
