export { DEFAULT_OPSET, GraphBuilder } from './builder.js';
export { decodeModel, type EncodedModel, encodeModel, encodeModelWithData, type Placement } from './codec.js';
export {
  type Attribute,
  type Attributes,
  float,
  floats,
  type GraphNode,
  int,
  ints,
  type OnnxGraph,
  string,
  type ValueInfo,
} from './graph.js';
export {
  ELEMENTS,
  type ElementType,
  elementTypeOf,
  float32,
  int64,
  sizeOf,
  type TensorData,
  type TensorValue,
} from './tensor.js';
