import { BeltsightError } from '@beltsight/sdk';
import type { BundleManifest } from '@beltsight/sdk/bundle';

/**
 * Checks that the model knows every class that a camera is set to.
 * @throws BeltsightError CONFIG_INVALID naming the camera and the classes there are
 */
export function requireKnownClasses(
  cameras: readonly { readonly name: string; readonly class?: string | null | undefined }[],
  { classes }: BundleManifest,
): void {
  const names = classes.map(({ name }) => name);
  const unknown = cameras.find((camera) => camera.class != null && !names.includes(camera.class));
  if (!unknown) return;
  throw new BeltsightError(
    'CONFIG_INVALID',
    `Camera "${unknown.name}" expects class "${unknown.class}", which the model does not know; it knows ${names.join(', ')}.`,
  );
}
