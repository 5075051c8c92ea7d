import { BeltsightError, type CommandArguments, type CommandValue } from '@beltsight/sdk';
import type { BundleManifest } from '@beltsight/sdk/bundle';
import type { Logger } from 'pino';
import type { CommandSettings } from '../settings.js';
import { type Controls, controlOf } from './effects.js';

export interface RecipeParts {
  readonly controls: Controls;
  readonly manifest: Pick<BundleManifest, 'classes'>;
  readonly settings: CommandSettings;
  /** Hears that a camera's state changed. */
  readonly changed: () => void;
}

/** Names the product before a camera, from the next frame on and after a restart. */
export function recipeEffect({ controls, manifest, settings, changed }: RecipeParts) {
  return async ({ camera, class: name }: CommandArguments<'recipe'>): Promise<CommandValue<'recipe'>> => {
    const control = controlOf(controls, camera);
    if (name !== null) requireClass(manifest, name);
    await settings.setRecipe(camera, name, control.configuredClass);
    control.recipe = name;
    changed();
    return { camera, class: name };
  };
}

/** Applies what was set before a restart. */
export function restoreRecipes(
  { controls, manifest, settings }: Omit<RecipeParts, 'changed'>,
  logger: Pick<Logger, 'info' | 'warn'>,
): void {
  for (const [camera, control] of controls) {
    const name = settings.recipe(camera, control.configuredClass);
    if (name === undefined) continue;
    if (name !== null && !manifest.classes.some((known) => known.name === name)) {
      logger.warn({ camera }, `Recipe "${name}" of before the restart is no class of this model: not used.`);
      continue;
    }
    control.recipe = name;
    logger.info({ camera, class: name }, 'Recipe of before the restart.');
  }
}

/** @throws BeltsightError ARGUMENT_INVALID naming the classes there are */
export function requireClass({ classes }: Pick<BundleManifest, 'classes'>, name: string) {
  const known = classes.find((candidate) => candidate.name === name);
  if (known) return known;
  const names = classes.map((candidate) => candidate.name).join(', ');
  throw new BeltsightError('ARGUMENT_INVALID', `class: the model knows no class "${name}"; it knows ${names}.`);
}
