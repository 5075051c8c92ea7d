import type { Precision } from '@beltsight/sdk/bundle';
import type { OnnxGraph } from '@beltsight/sdk/onnx';
import { fitHalf } from './half/fit.js';
import { type FitImages, type FitOptions, fitInt8 } from './int8/fit.js';

/** What was done to a graph; goes into the model card. */
export type PrecisionDetails =
  | { readonly precision: 'fp32' }
  | {
      readonly precision: 'fp16';
      readonly operators: number;
      readonly halfOperators: number;
      /** Operators kept in single precision because of the size of their results, by the name of their output. */
      readonly keptBack: readonly string[];
      readonly outOfRange: readonly {
        readonly constant: string;
        readonly saturated: number;
        readonly vanished: number;
      }[];
    }
  | {
      readonly precision: 'int8';
      readonly layers: number;
      readonly quantised: number;
      readonly scanned: number;
      readonly ranges: string;
      readonly keptBack: readonly { readonly layer: string; readonly drift: number | null }[];
    };

export interface Reduced {
  readonly graph: OnnxGraph;
  readonly details: PrecisionDetails;
}

/**
 * A graph of the model file in another precision; inputs and outputs stay float32. Decisions are taken on images that neither
 * calibrate thresholds nor measure the result.
 */
export async function reduceTo(
  precision: Precision,
  graph: OnnxGraph,
  images: FitImages,
  { log, ...options }: FitOptions & { readonly log: (line: string) => void },
): Promise<Reduced> {
  switch (precision) {
    case 'fp32':
      return { graph, details: { precision } };
    case 'fp16': {
      const { graph: half, operators: halfOperators, keptBack, outOfRange } = await fitHalf(graph, images.good);
      log(`Half precision: ${halfOperators} of ${graph.nodes.length} operators.`);
      for (const name of keptBack) log(`Operator ${name} stays in single precision: its results may leave the range.`);
      for (const { constant, saturated } of outOfRange.filter((found) => found.saturated > 0))
        log(`Warning: ${saturated} elements of constant ${constant} are beyond half precision and were saturated.`);
      const details = { precision, operators: graph.nodes.length, halfOperators, keptBack, outOfRange };
      return { graph: half, details };
    }
    case 'int8': {
      const { graph: quantised, drift, ...found } = await fitInt8(graph, images, options);
      const kept = found.keptBack.length === 0 ? 'none kept back' : `kept back: ${found.keptBack.length}`;
      log(`8-bit integers: ${found.quantised} of ${found.layers} layers (${kept}); ranges by ${found.ranges}.`);
      if (found.scanned > 0 && found.scanned < found.layers)
        log(`Time was up after ${found.scanned} of ${found.layers} layers; the others were not looked at one by one.`);
      return { graph: quantised, details: { precision, ...found } };
    }
  }
}
