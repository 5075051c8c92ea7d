import { tf } from './tfjs.js';

/** Values as they are stored: row-major `data` of `shape`. */
interface Stored {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Stored values as tensors by name, made once each on first use: constants of the graph that is being recorded.
 * @throws RangeError from `get` if `find` knows no value of the name
 */
export function constantTensors(find: (name: string) => Stored | undefined): { get(name: string): tf.Tensor } {
  const made = new Map<string, tf.Tensor>();
  return {
    get(name) {
      const known = made.get(name);
      if (known) return known;
      const stored = find(name);
      if (!stored) throw new RangeError(`There is no tensor named "${name}".`);
      const tensor = tf.tensor(stored.data, [...stored.shape]);
      made.set(name, tensor);
      return tensor;
    },
  };
}
