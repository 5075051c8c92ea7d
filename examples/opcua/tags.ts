import type { CameraStatus, ResultMessage, StatusMessage } from '@beltsight/sdk';
import { DataType, type EUInformation, makeEUInformation, standardUnits } from 'node-opcua';

/** A value that a tag takes; null: there is none, such as the threshold of an unknown product. */
export type TagValue = string | number | boolean | null;

/** A variable of the address space, and where in a message its value is. */
export interface Tag<Message> {
  readonly name: string;
  readonly description: string;
  readonly dataType: DataType.String | DataType.Double | DataType.Boolean | DataType.UInt64;
  /** Makes it an AnalogItem: what it is measured in, and the range it is normally in. */
  readonly analog?: { readonly unit: EUInformation; readonly low: number; readonly high: number };
  readonly value: (message: Message) => TagValue;
}

const { millisecond, hertz } = standardUnits;
/** A number without a unit: C62 in UNECE recommendation 20, which OPC UA takes its units from. */
const one = makeEUInformation('C62', '1', 'one');

/** Of a camera, new with every result. Source timestamp: when the frame was captured. */
export const RESULT_TAGS: readonly Tag<ResultMessage>[] = [
  {
    name: 'Verdict',
    description: 'pass, reject or unknown (no class of the model resembles the product).',
    dataType: DataType.String,
    value: ({ verdict }) => verdict,
  },
  {
    name: 'Rejected',
    description: 'True unless the verdict is pass.',
    dataType: DataType.Boolean,
    value: ({ verdict }) => verdict !== 'pass',
  },
  {
    name: 'Score',
    description: 'Anomaly score; compare it with Threshold. Comparable within one class only.',
    dataType: DataType.Double,
    value: ({ score }) => score,
  },
  {
    name: 'Threshold',
    description: 'Score from which on a product of this class is rejected.',
    dataType: DataType.Double,
    value: ({ threshold }) => threshold,
  },
  {
    name: 'PValue',
    description: 'Share of good products that score at least as high; comparable between classes.',
    dataType: DataType.Double,
    analog: { unit: one, low: 0, high: 1 },
    value: ({ pValue }) => pValue,
  },
  {
    name: 'Class',
    description: 'Product class.',
    dataType: DataType.String,
    value: (result) => result.class.name,
  },
  {
    name: 'ClassDistance',
    description: 'Cosine distance to the nearest class.',
    dataType: DataType.Double,
    analog: { unit: one, low: 0, high: 2 },
    value: (result) => result.class.distance,
  },
  {
    name: 'LatencyMs',
    description: 'From capture to result.',
    dataType: DataType.Double,
    analog: { unit: millisecond, low: 0, high: 1000 },
    value: ({ latencyMs }) => latencyMs,
  },
  {
    name: 'ResultId',
    description: 'Id of the result; its heatmap on MQTT carries it too.',
    dataType: DataType.String,
    value: ({ id }) => id,
  },
];

/** Of a camera, new with every status. */
export const CAMERA_TAGS: readonly Tag<CameraStatus>[] = [
  {
    name: 'State',
    description: 'starting, running, failed or ended.',
    dataType: DataType.String,
    value: ({ state }) => state,
  },
  {
    name: 'Error',
    description: 'What is wrong with the camera and what to do; empty when nothing is.',
    dataType: DataType.String,
    value: ({ error }) => error ?? '',
  },
  {
    name: 'Count',
    description: 'Products inspected since the device started.',
    dataType: DataType.UInt64,
    value: ({ inspected }) => inspected,
  },
  {
    name: 'Dropped',
    description: 'Frames that a newer one overtook since the device started.',
    dataType: DataType.UInt64,
    value: ({ dropped }) => dropped,
  },
  {
    name: 'RateHz',
    description: 'Results a second.',
    dataType: DataType.Double,
    analog: { unit: hertz, low: 0, high: 60 },
    value: ({ rateHz }) => rateHz,
  },
];

/** Of a device, new with every status. */
export const DEVICE_TAGS: readonly Tag<StatusMessage>[] = [
  {
    name: 'State',
    description: 'starting, online, degraded (a camera failed), stopping or offline.',
    dataType: DataType.String,
    value: ({ state }) => state,
  },
  {
    name: 'Model',
    description: 'Id of the model that inspects.',
    dataType: DataType.String,
    value: ({ model }) => model?.id ?? null,
  },
  {
    name: 'Provider',
    description: 'What the model runs on: tensorrt, cuda, webgpu or cpu.',
    dataType: DataType.String,
    value: ({ provider }) => provider ?? null,
  },
  {
    name: 'Version',
    description: 'Version of the software on the device.',
    dataType: DataType.String,
    value: ({ software }) => software?.version ?? null,
  },
];
