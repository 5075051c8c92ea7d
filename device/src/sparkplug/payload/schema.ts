import { create, createFileRegistry, type DescMessage } from '@bufbuild/protobuf';
import {
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';

/** A field: its number, its type (a scalar or one of the messages below), and what is special about it. */
type Field = readonly [number: number, type: keyof typeof SCALARS | 'message', more?: string];

const SCALARS = {
  uint32: Type.UINT32,
  uint64: Type.UINT64,
  float: Type.FLOAT,
  double: Type.DOUBLE,
  bool: Type.BOOL,
  string: Type.STRING,
  bytes: Type.BYTES,
} as const;

/** Field numbers of the `value` oneofs begin here in properties and metrics. */
const value = (first: number): Record<string, Field> => ({
  int_value: [first, 'uint32'],
  long_value: [first + 1, 'uint64'],
  float_value: [first + 2, 'float'],
  double_value: [first + 3, 'double'],
  boolean_value: [first + 4, 'bool'],
  string_value: [first + 5, 'string'],
});

/**
 * The messages of a Sparkplug B payload by field number (Sparkplug 3.0, section 6.4.1), without data sets and templates: an edge
 * node that sends none need not read them, and unknown fields are skipped.
 */
const MESSAGES: Record<string, { fields: Record<string, Field>; oneof?: Record<string, Field> }> = {
  Payload: {
    fields: {
      timestamp: [1, 'uint64'],
      metrics: [2, 'message', 'Metric[]'],
      seq: [3, 'uint64'],
      uuid: [4, 'string'],
      body: [5, 'bytes'],
    },
  },
  Metric: {
    fields: {
      name: [1, 'string'],
      alias: [2, 'uint64'],
      timestamp: [3, 'uint64'],
      datatype: [4, 'uint32'],
      is_historical: [5, 'bool'],
      is_transient: [6, 'bool'],
      is_null: [7, 'bool'],
      metadata: [8, 'message', 'MetaData'],
      properties: [9, 'message', 'PropertySet'],
    },
    oneof: { ...value(10), bytes_value: [16, 'bytes'] },
  },
  MetaData: {
    fields: {
      is_multi_part: [1, 'bool'],
      content_type: [2, 'string'],
      size: [3, 'uint64'],
      seq: [4, 'uint64'],
      file_name: [5, 'string'],
      file_type: [6, 'string'],
      md5: [7, 'string'],
      description: [8, 'string'],
    },
  },
  PropertySet: { fields: { keys: [1, 'string', '[]'], values: [2, 'message', 'PropertyValue[]'] } },
  PropertyValue: { fields: { type: [1, 'uint32'], is_null: [2, 'bool'] }, oneof: value(3) },
};

const PACKAGE = 'sparkplug';

const describeField = (name: string, [number, type, more = '']: Field, oneof: boolean) =>
  create(FieldDescriptorProtoSchema, {
    name,
    number,
    label: more.endsWith('[]') ? Label.REPEATED : Label.OPTIONAL,
    type: type === 'message' ? Type.MESSAGE : SCALARS[type],
    ...(type === 'message' ? { typeName: `.${PACKAGE}.${more.replace('[]', '')}` } : {}),
    ...(oneof ? { oneofIndex: 0 } : {}),
  });

const registry = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: 'sparkplug_b.proto',
    package: PACKAGE,
    syntax: 'proto2',
    messageType: Object.entries(MESSAGES).map(([name, { fields, oneof = {} }]) => ({
      name,
      field: [
        ...Object.entries(fields).map(([field, what]) => describeField(field, what, false)),
        ...Object.entries(oneof).map(([field, what]) => describeField(field, what, true)),
      ],
      oneofDecl: Object.keys(oneof).length > 0 ? [{ name: 'value' }] : [],
    })),
  }),
  () => undefined,
);

/** The descriptor of one of the messages. */
export function messageOf(name: 'Payload' | 'Metric' | 'MetaData'): DescMessage {
  return registry.getMessage(`${PACKAGE}.${name}`) as DescMessage;
}
