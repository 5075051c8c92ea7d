import { tf } from '../graph/tfjs.js';
import { cosine } from '../model/layers/cosine.js';

/** `flat`: one cosine an image over all of C*H*W (RD4AD's code); `per_position`: one a position (RD's text). */
export type KdVariant = 'flat' | 'per_position';

/** Distillation loss of each image: 1 - cosine, summed over scales. Features [B,h,w,C] per scale; result [B]. */
export function kdPerImage(
  teacher: readonly tf.Tensor4D[],
  student: readonly tf.Tensor4D[],
  variant: KdVariant,
): tf.Tensor1D {
  const scales = teacher.map((feature, scale): tf.Tensor1D => {
    const other = student[scale] as tf.Tensor4D;
    if (variant === 'per_position') return tf.sub(1, tf.mean(cosine(feature, other, 3), [1, 2]));
    const flat = (x: tf.Tensor4D) => x.reshape([x.shape[0], -1]);
    return tf.sub(1, cosine(flat(feature), flat(other), 1));
  });
  return scales.reduce((sum, scale) => tf.add(sum, scale));
}

/** Mean over the batch of {@link kdPerImage}: L_KD of CCL eq. (6). */
export function kdLoss(
  teacher: readonly tf.Tensor4D[],
  student: readonly tf.Tensor4D[],
  variant: KdVariant,
): tf.Scalar {
  return tf.mean(kdPerImage(teacher, student, variant));
}
