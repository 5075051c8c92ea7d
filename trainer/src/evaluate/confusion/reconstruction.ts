import type { ImageLoader } from '../../data/loader.js';
import { modelGraph, optimised, type TrainedModel } from '../../export/inference-graph.js';
import { fillImage } from '../../export/scoring.js';
import { GraphSession } from '../../graph/session.js';
import { tf } from '../../graph/tfjs.js';
import { globalAveragePool } from '../../model/layers/convolution.js';
import { defineModel, type Model } from '../../model/network.js';
import { EVALUATION, type Weights } from '../../model/parameters.js';
import { loadTeacher } from '../../model/teacher/load.js';
import type { Run, TrainedRun } from '../../train/run.js';
import type { ImageResult } from '../results.js';
import type { ConfusionMatrices, ReconstructionFigures } from './figures.js';
import { columnsFor, confusionMatrix } from './matrix.js';
import { meanOf, nearestOf } from './vectors.js';

/** So many good training images stand for a class, evenly taken. */
const REFERENCES = 40;

/** What the student made of an image. */
export interface Reconstruction {
  /** The image's class. */
  readonly product: string;
  readonly image: ImageResult;
  /** Class whose teacher features are nearest to those that the student reconstructs. */
  readonly student: string;
  /** Class nearest to the teacher's own features of the image. */
  readonly teacher: string;
  /** The good training image of the class `student` whose teacher features are nearest to the reconstruction: what the student saw, as far as a picture can show it. */
  readonly likeness: string;
}

/**
 * Asks of every image which class the student reconstructs. Features are pooled over each scale's map, brought to length 1 and
 * laid side by side, so that each scale counts the same; a class is the mean of the teacher's features of good training images.
 * @throws BeltsightError IMAGE_UNREADABLE, BACKBONE_INVALID
 */
export async function reconstruct(
  { run, weights }: TrainedRun,
  judged: readonly { readonly name: string; readonly images: readonly ImageResult[] }[],
  loader: ImageLoader,
  tick: () => void,
): Promise<Reconstruction[]> {
  const teacher = await loadTeacher(run.teacher.source, run.teacher.sha256);
  const features = await PooledFeatures.open({ model: defineModel(run.model), teacher, weights });
  try {
    const references = await referencesOf(run, features, loader);
    const names = run.classes.map(({ name }) => name);
    const centroids = names.map((name) =>
      meanOf(references.filter(({ product }) => product === name).map(({ teacher }) => teacher)),
    );
    const named = (pooled: Float32Array) => names[nearestOf(pooled, centroids)] as string;
    const found: Reconstruction[] = [];
    for (const { name, images } of judged) {
      for (const image of images) {
        const { student, teacher } = await features.of(await loader.load(image.file));
        const taken = named(student);
        const ofClass = references.filter(({ product }) => product === taken);
        const like = nearestOf(
          student,
          ofClass.map((reference) => reference.teacher),
        );
        const likeness = (ofClass[like] as Reference).file;
        found.push({ product: name, image, student: taken, teacher: named(teacher), likeness });
        tick();
      }
    }
    return found;
  } finally {
    await features.close();
  }
}

/** Counts reconstructions by class. @param known names of the classes that the model knows */
export function reconstructionFigures(
  reconstructions: readonly Reconstruction[],
  known: readonly string[],
): ReconstructionFigures {
  const rows = [...new Set(reconstructions.map(({ product }) => product))];
  const matrices = (by: 'student' | 'teacher'): ConfusionMatrices => {
    const matrix = (defective: boolean) => {
      const those = reconstructions.filter(({ image }) => (image.defect !== undefined) === defective);
      return confusionMatrix(
        rows,
        columnsFor(rows, known),
        those.map((each) => ({ from: each.product, to: each[by] })),
      );
    };
    return { good: matrix(false), defect: matrix(true) };
  };
  const own = (by: 'student' | 'teacher') => {
    const those = reconstructions.filter(({ product }) => known.includes(product));
    return those.length === 0 ? null : those.filter((each) => each[by] === each.product).length / those.length;
  };
  return {
    student: matrices('student'),
    teacher: matrices('teacher'),
    reconstructedAsOwn: own('student'),
    seenAsOwn: own('teacher'),
  };
}

interface Reference {
  readonly product: string;
  readonly file: string;
  readonly teacher: Float32Array;
}

async function referencesOf({ classes }: Run, features: PooledFeatures, loader: ImageLoader): Promise<Reference[]> {
  const references: Reference[] = [];
  for (const { name, train } of classes) {
    const count = Math.min(REFERENCES, train.length);
    for (let i = 0; i < count; i++) {
      const file = train[Math.floor((i * train.length) / count)] as string;
      references.push({ product: name, file, teacher: (await features.of(await loader.load(file))).teacher });
    }
  }
  return references;
}

/** Pooled features of teacher and student by one recorded graph. */
class PooledFeatures {
  readonly #input: Float32Array;

  private constructor(
    private readonly session: GraphSession,
    size: number,
  ) {
    this.#input = new Float32Array(3 * size * size);
  }

  static async open(trained: TrainedModel): Promise<PooledFeatures> {
    const { model } = trained;
    const graph = modelGraph('features', trained, 1, (images, weights) => pooledFeatures(model, images, weights));
    return new PooledFeatures(await GraphSession.open(optimised(graph)), model.config.size);
  }

  /** @param pixels 8-bit RGB [S,S,3] */
  async of(pixels: Uint8Array): Promise<Record<'teacher' | 'student', Float32Array>> {
    fillImage(this.#input, pixels);
    const { teacher, student } = await this.session.run({ image: this.#input });
    return { teacher: teacher?.data as Float32Array, student: student?.data as Float32Array };
  }

  async close(): Promise<void> {
    await this.session.close();
  }
}

/** Means over each scale's map, each of length 1, side by side: [N,C1+C2+C3]. */
function pooledFeatures(model: Model, images: tf.Tensor4D, weights: Weights) {
  const teacher = model.teach(images, weights);
  const student = model.decode(model.neck(model.project(teacher, weights), weights, EVALUATION), weights, EVALUATION);
  const pooled = (features: readonly tf.Tensor4D[]) =>
    tf.concat(
      features.map((feature) => ofLength1(globalAveragePool(feature))),
      1,
    );
  return { teacher: pooled(teacher), student: pooled(student) };
}

function ofLength1(rows: tf.Tensor2D): tf.Tensor2D {
  return tf.div(rows, tf.sqrt(tf.sum(tf.square(rows), 1, true)).add(1e-12));
}
