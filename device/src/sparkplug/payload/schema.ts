/** Types of fields: those of protobuf, and `count`, an uint64 that is read as a number. */
export type Scalar = 'uint32' | 'uint64' | 'count' | 'float' | 'double' | 'bool' | 'string' | 'bytes';

/** A field of a message: its number and its type; a list of it where it is repeated. */
export interface Field {
  readonly number: number;
  readonly type: Scalar | Message;
  readonly repeated?: boolean;
}

export type Message = Readonly<Record<string, Field>>;

const field = (number: number, type: Scalar | Message, repeated = false): Field => ({ number, type, repeated });

/** Fields of the `value` oneofs, which begin at different numbers in properties and metrics. */
const values = (first: number) => ({
  intValue: field(first, 'uint32'),
  longValue: field(first + 1, 'uint64'),
  floatValue: field(first + 2, 'float'),
  doubleValue: field(first + 3, 'double'),
  booleanValue: field(first + 4, 'bool'),
  stringValue: field(first + 5, 'string'),
});

const PROPERTY_VALUE: Message = { type: field(1, 'uint32'), isNull: field(2, 'bool'), ...values(3) };

const METRIC_VALUES = { ...values(10), bytesValue: field(16, 'bytes') };

/** Names of the fields of which a metric has one at most. */
export const VALUE_FIELDS = Object.keys(METRIC_VALUES) as (keyof typeof METRIC_VALUES)[];

/**
 * The payload by field number (Sparkplug 3.0, section 6.4.1), without data sets and templates: an edge node that sends none need not read
 * them, and fields that are not here are skipped.
 */
export const PAYLOAD: Message = {
  timestamp: field(1, 'count'),
  metrics: field(
    2,
    {
      name: field(1, 'string'),
      alias: field(2, 'count'),
      timestamp: field(3, 'count'),
      datatype: field(4, 'uint32'),
      isHistorical: field(5, 'bool'),
      isTransient: field(6, 'bool'),
      isNull: field(7, 'bool'),
      metadata: field(8, {
        contentType: field(2, 'string'),
        size: field(3, 'count'),
        fileName: field(5, 'string'),
        fileType: field(6, 'string'),
        md5: field(7, 'string'),
      }),
      properties: field(9, { keys: field(1, 'string', true), values: field(2, PROPERTY_VALUE, true) }),
      ...METRIC_VALUES,
    },
    true,
  ),
  seq: field(3, 'count'),
};
