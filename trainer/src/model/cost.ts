import type { Model } from './network.js';
import { elements, type ParameterSpec } from './parameters.js';
import type { Backbone } from './teacher/table.js';

/** What a part of a model costs. */
export interface Cost {
  readonly part: 'teacher' | 'projector' | 'neck' | 'decoder';
  /** Of the teacher with BatchNorm folded in; of the rest trainable ones. */
  readonly parameters: number;
  /** Multiply-accumulates of all convolutions for one image; normalisation, sums and the anomaly map are left out. */
  readonly macs: number;
}

/** Cost of each part of a model, in the order in which an image passes them. */
export function costsOf(model: Model): Cost[] {
  const { size } = model.config;
  const part = (name: 'projector' | 'neck' | 'decoder'): Cost => {
    const specs = model.parameters.filter((spec) => spec.name.startsWith(`${name}.`));
    return {
      part: name,
      parameters: sum(specs.map(({ shape }) => elements(shape))),
      macs: sum(specs.map((spec) => macsOf(spec, size))),
    };
  };
  return [teacherCost(model.backbone, size), part('projector'), part('neck'), part('decoder')];
}

/** A filter is multiplied once, whole, at every position. */
function macsOf({ shape, stride }: ParameterSpec, size: number): number {
  return stride === undefined ? 0 : elements(shape) * (size / stride) ** 2;
}

function teacherCost({ operations }: Backbone, size: number): Cost {
  const strides = new Map<string, number>();
  let [stride, parameters, macs] = [1, 0, 0];
  for (const operation of operations) {
    if (operation.do === 'save') strides.set(operation.as, stride);
    if (operation.do === 'maxPool') stride *= 2;
    if (operation.do !== 'conv') continue;
    const { layer, from, save } = operation;
    stride = (from === undefined ? stride : (strides.get(from) as number)) * layer.stride;
    if (save !== undefined) strides.set(save, stride);
    const filter = layer.kernel ** 2 * layer.output * (layer.kind === 'depthwise' ? 1 : layer.input);
    parameters += filter + layer.output;
    macs += filter * (size / stride) ** 2;
  }
  return { part: 'teacher', parameters, macs };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
