import { BeltsightError } from '@beltsight/sdk';
import type { CameraConfig, DeviceConfig } from '../config/schema.js';

/**
 * The camera of that name, or the only one.
 * @throws BeltsightError ARGUMENT_INVALID naming the cameras there are
 */
export function chosenCamera({ cameras }: DeviceConfig, name: string | undefined): CameraConfig {
  const names = cameras.map((camera) => camera.name).join(', ');
  const chosen = name === undefined && cameras.length === 1 ? cameras[0] : cameras.find((c) => c.name === name);
  if (chosen) return chosen;
  const problem = name === undefined ? 'There are several cameras' : `There is no camera "${name}"`;
  throw new BeltsightError('ARGUMENT_INVALID', `${problem}: name one with --camera (${names}).`);
}
