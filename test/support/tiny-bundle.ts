import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BundleParts, sealBundle } from '@beltsight/sdk/bundle';
import { float32, GraphBuilder, int, int64, ints, type OnnxGraph } from '@beltsight/sdk/onnx';
import sharp from 'sharp';

/** Side of the tiny model's input. */
export const TINY_SIZE = 32;

/**
 * A model of a few operators that honours the contract: the map is the distance of each pixel's brightness from the image's mean,
 * the score its maximum, the embedding the mean of each colour. Bright red and bright blue are its classes.
 */
export function tinyGraph(size = TINY_SIZE): OnnxGraph {
  const g = new GraphBuilder('tiny');
  const image = g.input('image', 'float32', [1, 3, size, size]);
  const grey = g.node('ReduceMean', [image], { axes: ints([1]), keepdims: int(1) });
  const mean = g.node('ReduceMean', [grey], { axes: ints([2, 3]), keepdims: int(1) });
  const gain = g.initializer(float32([], [1]), 'gain');
  const map = g.node('Mul', [g.node('Abs', [g.node('Sub', [grey, mean])]), gain]);
  const score = g.node('Reshape', [g.node('ReduceMax', [map], { keepdims: int(0) }), g.initializer(int64([1]))]);
  const embedding = g.node('ReduceMean', [image], { axes: ints([2, 3]), keepdims: int(0) });
  g.output(score, 'float32', [1], 'score');
  g.output(map, 'float32', [1, 1, size, size], 'map');
  g.output(embedding, 'float32', [1, 3], 'embedding');
  return g.build();
}

/** 8-bit RGB [size,size,3] of one colour, with a square of brightness `spot` in the middle for a defect. */
export function tinyImage(colour: 'red' | 'blue', spot?: number, size = TINY_SIZE): Uint8Array {
  const base = colour === 'red' ? [200, 20, 20] : [20, 20, 200];
  return Uint8Array.from({ length: size * size * 3 }, (_, i) => {
    const [row, column] = [Math.floor(i / 3 / size), Math.floor(i / 3) % size];
    const middle = Math.abs(row - size / 2) < size / 8 && Math.abs(column - size / 2) < size / 8;
    return spot !== undefined && middle ? spot : (base[i % 3] as number);
  });
}

const encodePng = (pixels: Uint8Array, size: number) =>
  sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
    .png()
    .toBuffer();

/** The parts of a valid tiny bundle; tests change one to make an invalid one. */
export async function tinyParts(): Promise<BundleParts> {
  const unit = (values: number[]) => values.map((value) => value / Math.hypot(...values));
  const classOf = (name: string, colour: number[]) => ({
    name,
    centroid: unit(colour),
    maxDistance: 0.2,
    threshold: 0.25,
    falseRejectRate: { wanted: 0.05, attained: 0.05 },
    calibration: Array.from({ length: 20 }, (_, i) => i / 100),
  });
  return {
    name: 'tiny',
    createdAt: '2026-01-01T00:00:00.000Z',
    model: tinyGraph(),
    placement: (name) => (name === 'gain' ? 'student.weights' : undefined),
    input: { name: 'image', size: TINY_SIZE, batch: 1 },
    embeddingSize: 3,
    classes: [classOf('red', [200, 20, 20]), classOf('blue', [20, 20, 200])],
    golden: [{ image: 'golden/000.png', class: 'red', score: 0, verdict: 'pass' }],
    tolerance: 1e-3,
    extra: new Map([['golden/000.png', new Uint8Array(await encodePng(tinyImage('red'), TINY_SIZE))]]),
  };
}

/** Writes a valid tiny bundle into `folder` and returns its model id. */
export async function writeTinyBundle(
  folder: string,
  change: (parts: BundleParts) => BundleParts = (p) => p,
): Promise<string> {
  const files = await sealBundle(change(await tinyParts()));
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  return JSON.parse(new TextDecoder().decode(files.get('bundle.json'))).modelId;
}

/** Tiny bundles that differ in one weight, as a model does that was trained again. */
export function retrained(gain: number): (parts: BundleParts) => BundleParts {
  return (parts) => {
    const initializers = new Map(parts.model.initializers).set('gain', float32([], [gain]));
    return { ...parts, model: { ...parts.model, initializers } };
  };
}
