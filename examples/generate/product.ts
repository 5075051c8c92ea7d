import type { Random } from './random.js';
import type { Surface } from './surface.js';

/** Where a product lies on the belt. Pixels and radians. */
export interface Pose {
  readonly x: number;
  readonly y: number;
  readonly turn: number;
  readonly scale: number;
}

/** A kind of product that the generator can draw. */
export interface Product {
  readonly name: string;
  /** Names of the defects it may have; each becomes a folder of the test set. */
  readonly defects: readonly string[];
  /** Draws one specimen, good or with a defect, and marks the defect in the mask. */
  draw(surface: Surface, pose: Pose, random: Random, defect: string | undefined): void;
}

export function lay(size: number, random: Random): Pose {
  return {
    x: size / 2 + random.range(-0.03, 0.03) * size,
    y: size / 2 + random.range(-0.03, 0.03) * size,
    turn: random.angle(),
    scale: (size / 256) * random.range(0.97, 1.03),
  };
}

/** Pixel to product coordinates: origin in its centre, units of 1/256 image at scale 1, turned with the product. */
export function toProduct(pose: Pose, x: number, y: number): [u: number, v: number] {
  const dx = (x - pose.x) / pose.scale;
  const dy = (y - pose.y) / pose.scale;
  const cos = Math.cos(pose.turn);
  const sin = Math.sin(pose.turn);
  return [dx * cos + dy * sin, dy * cos - dx * sin];
}
