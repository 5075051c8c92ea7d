import { BeltsightError } from '@beltsight/sdk';
import type { BundleManifest } from '@beltsight/sdk/bundle';
import type { DeviceConfig } from '../config/schema.js';

/**
 * Checks that the model knows every class that a camera is configured for.
 * @throws BeltsightError CONFIG_INVALID naming the camera and the classes there are
 */
export function requireKnownClasses({ cameras }: DeviceConfig, { classes }: BundleManifest): void {
  const names = classes.map(({ name }) => name);
  const unknown = cameras.find((camera) => camera.class !== undefined && !names.includes(camera.class));
  if (!unknown) return;
  throw new BeltsightError(
    'CONFIG_INVALID',
    `Camera "${unknown.name}" expects class "${unknown.class}", which the model does not know; it knows ${names.join(', ')}.`,
  );
}
