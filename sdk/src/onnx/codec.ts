import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataLocation as DataLocation,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { BeltsightError } from '../errors.js';
import type { Attribute, GraphNode, OnnxGraph, ValueInfo } from './graph.js';
import { ELEMENTS, elementTypeOf, sizeOf, type TensorValue } from './tensor.js';

/** IR version 10 pairs with opset 21 and below (ONNX Versioning.md). */
const IR_VERSION = 10n;

/** Where an initializer's bytes go: undefined keeps them in the model file, a name puts them in that file. */
export type Placement = (initializer: string, sizeBytes: number) => string | undefined;

export interface EncodedModel {
  readonly model: Uint8Array;
  /** External data files by name (ONNX "external data"); offsets are multiples of 64. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Serialises a graph with all weights inside. */
export function encodeModel(graph: OnnxGraph): Uint8Array {
  return encodeModelWithData(graph, () => undefined).model;
}

/** Serialises a graph, with the initializers that `placement` names in external data files. */
export function encodeModelWithData(graph: OnnxGraph, placement: Placement): EncodedModel {
  const chunks = new Map<string, { parts: Uint8Array[]; length: number }>();
  const initializer = [...graph.initializers].map(([name, value]) => {
    const raw = rawBytes(value);
    const file = placement(name, raw.byteLength);
    if (file === undefined) return encodeTensor(name, value);
    const chunk = chunks.get(file) ?? { parts: [], length: 0 };
    chunks.set(file, chunk);
    const padding = (64 - (chunk.length % 64)) % 64;
    const offset = chunk.length + padding;
    chunk.parts.push(new Uint8Array(padding), raw);
    chunk.length = offset + raw.byteLength;
    return create(TensorProtoSchema, {
      name,
      dims: value.dims.map(BigInt),
      dataType: ELEMENTS[value.type].code,
      dataLocation: DataLocation.EXTERNAL,
      externalData: entries({ location: file, offset: `${offset}`, length: `${raw.byteLength}` }),
    });
  });
  const model = toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: 'beltsight',
      opsetImport: Object.entries(graph.opsets).map(([domain, version]) => ({ domain, version: BigInt(version) })),
      metadataProps: entries(graph.metadata),
      graph: create(GraphProtoSchema, {
        name: graph.name,
        input: graph.inputs.map(encodeValueInfo),
        output: graph.outputs.map(encodeValueInfo),
        node: graph.nodes.map(encodeNode),
        initializer,
      }),
    }),
  );
  const files = new Map([...chunks].map(([file, chunk]) => [file, concatenate(chunk.parts, chunk.length)] as const));
  return { model, files };
}

/**
 * Reads a serialised model. `external` resolves external data files by their location.
 * @throws BeltsightError MODEL_INVALID if the bytes are no ONNX model or use a type Beltsight does not know.
 */
export function decodeModel(bytes: Uint8Array, external?: (location: string) => Uint8Array | undefined): OnnxGraph {
  const { model, graph } = parse(bytes);
  return {
    name: graph.name,
    opsets: Object.fromEntries(model.opsetImport.map((o) => [o.domain, Number(o.version)])),
    ...interfaceOf(graph),
    initializers: new Map(graph.initializer.map((t) => [t.name, decodeTensor(t, external)])),
    nodes: graph.node.map(decodeNode),
    metadata: Object.fromEntries(model.metadataProps.map((p) => [p.key, p.value])),
  };
}

/**
 * Reads the inputs and outputs of a serialised model alone.
 * @throws BeltsightError MODEL_INVALID as {@link decodeModel}
 */
export function decodeInterface(bytes: Uint8Array): Pick<OnnxGraph, 'inputs' | 'outputs'> {
  return interfaceOf(parse(bytes).graph);
}

function interfaceOf(graph: GraphProto): Pick<OnnxGraph, 'inputs' | 'outputs'> {
  const constants = new Set(graph.initializer.map((tensor) => tensor.name));
  return {
    inputs: graph.input.filter((i) => !constants.has(i.name)).map(decodeValueInfo),
    outputs: graph.output.map(decodeValueInfo),
  };
}

function parse(bytes: Uint8Array): { model: ModelProto; graph: GraphProto } {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw invalid(
      'The file is not an ONNX model (it does not parse as protobuf): truncated or of another format.',
      cause,
    );
  }
  const { graph } = model;
  if (graph === undefined) throw invalid('The ONNX model has no graph.');
  if (model.opsetImport.length === 0) throw invalid('The ONNX model names no operator set: it is truncated.');
  return { model, graph };
}

function entries(record: Readonly<Record<string, string>>) {
  return Object.entries(record).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }));
}

function rawBytes(value: TensorValue): Uint8Array {
  return new Uint8Array(value.data.buffer, value.data.byteOffset, value.data.byteLength);
}

function encodeTensor(name: string, value: TensorValue): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: value.dims.map(BigInt),
    dataType: ELEMENTS[value.type].code,
    rawData: rawBytes(value) as Uint8Array<ArrayBuffer>,
  });
}

function decodeTensor(tensor: TensorProto, external?: (location: string) => Uint8Array | undefined): TensorValue {
  const type = elementTypeOf(tensor.dataType);
  if (type === undefined)
    throw invalid(`Tensor "${tensor.name}" has element type ${tensor.dataType}, which Beltsight does not use.`);
  const dims = tensor.dims.map(Number);
  const element = ELEMENTS[type];
  let raw: Uint8Array = tensor.rawData ?? new Uint8Array();
  if (tensor.dataLocation === DataLocation.EXTERNAL) {
    const info = Object.fromEntries(tensor.externalData.map((e) => [e.key, e.value]));
    const content = info.location === undefined ? undefined : external?.(info.location);
    if (content === undefined) {
      throw invalid(`Tensor "${tensor.name}" lives in the external file "${info.location}", which was not given.`);
    }
    const offset = Number(info.offset ?? 0);
    raw = content.subarray(offset, offset + Number(info.length));
  } else if (raw.length === 0 && tensor.floatData.length > 0) {
    raw = rawBytes({ type, dims, data: Float32Array.from(tensor.floatData) });
  } else if (raw.length === 0 && tensor.int64Data.length > 0) {
    raw = rawBytes({ type, dims, data: BigInt64Array.from(tensor.int64Data) });
  }
  const expected = sizeOf(dims) * element.bytes;
  if (raw.byteLength !== expected) {
    throw invalid(`Tensor "${tensor.name}" has ${raw.byteLength} bytes of data; its shape needs ${expected}.`);
  }
  // A copy, so that it is aligned; not `slice`, which on Node's Buffer shares the memory of a pool.
  return { type, dims, data: element.view(Uint8Array.from(raw).buffer) };
}

function encodeNode(node: GraphNode): NodeProto {
  return create(NodeProtoSchema, {
    opType: node.opType,
    domain: node.domain,
    name: node.outputs[0] ?? '',
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attributes).map(([name, attribute]) => encodeAttribute(name, attribute)),
  });
}

function decodeNode(node: NodeProto): GraphNode {
  return {
    opType: node.opType,
    domain: node.domain,
    inputs: node.input,
    outputs: node.output,
    attributes: Object.fromEntries(node.attribute.map((a) => [a.name, decodeAttribute(node, a)])),
  };
}

const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder() };

function encodeAttribute(name: string, attribute: Attribute): AttributeProto {
  switch (attribute.kind) {
    case 'int':
      return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(attribute.value) });
    case 'float':
      return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: attribute.value });
    case 'string':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeType.STRING,
        s: utf8.encoder.encode(attribute.value),
      });
    case 'ints':
      return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: attribute.value.map(BigInt) });
    case 'floats':
      return create(AttributeProtoSchema, { name, type: AttributeType.FLOATS, floats: [...attribute.value] });
    case 'tensor':
      return create(AttributeProtoSchema, { name, type: AttributeType.TENSOR, t: encodeTensor('', attribute.value) });
  }
}

function decodeAttribute(node: NodeProto, attribute: AttributeProto): Attribute {
  switch (attribute.type) {
    case AttributeType.INT:
      return { kind: 'int', value: Number(attribute.i) };
    case AttributeType.FLOAT:
      return { kind: 'float', value: attribute.f };
    case AttributeType.STRING:
      return { kind: 'string', value: utf8.decoder.decode(attribute.s) };
    case AttributeType.INTS:
      return { kind: 'ints', value: attribute.ints.map(Number) };
    case AttributeType.FLOATS:
      return { kind: 'floats', value: attribute.floats };
    case AttributeType.TENSOR:
      if (attribute.t) return { kind: 'tensor', value: decodeTensor(attribute.t) };
      break;
  }
  throw invalid(`Node ${node.opType} "${node.name}": attribute "${attribute.name}" has a type Beltsight does not use.`);
}

function encodeValueInfo(value: ValueInfo): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name: value.name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: ELEMENTS[value.type].code,
          shape: {
            dim: value.dims.map((dim) => ({
              value:
                typeof dim === 'number'
                  ? { case: 'dimValue' as const, value: BigInt(dim) }
                  : { case: 'dimParam' as const, value: dim },
            })),
          },
        },
      },
    },
  });
}

function decodeValueInfo(value: ValueInfoProto): ValueInfo {
  const tensor = value.type?.value;
  const type = tensor?.case === 'tensorType' ? elementTypeOf(tensor.value.elemType) : undefined;
  if (tensor?.case !== 'tensorType' || type === undefined) {
    throw invalid(`Graph value "${value.name}" is no tensor of a type Beltsight uses.`);
  }
  const dims = (tensor.value.shape?.dim ?? []).map((dim) =>
    dim.value.case === 'dimValue' ? Number(dim.value.value) : (dim.value.value ?? '?'),
  );
  return { name: value.name, type, dims };
}

function concatenate(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}

function invalid(message: string, cause?: unknown): BeltsightError {
  return new BeltsightError('MODEL_INVALID', message, { cause });
}
