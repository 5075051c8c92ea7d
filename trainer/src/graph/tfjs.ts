// The one door to tfjs: `@tensorflow/tfjs` (not tfjs-core) because only it registers the gradients.
import * as tf from '@tensorflow/tfjs';

// Without this tfjs prints an advertisement for its native binding at the first tensor.
tf.enableProdMode();

export { tf };
