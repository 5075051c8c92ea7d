import { BeltsightError, type CommandArguments, type CommandValue } from '@beltsight/sdk';
import type { BundleManifest } from '@beltsight/sdk/bundle';
import type { Logger } from 'pino';
import type { CommandSettings } from '../settings.js';
import { type Controls, controlOf } from './effects.js';

export interface RecipeParts {
  readonly controls: Controls;
  readonly model: { readonly manifest: Pick<BundleManifest, 'classes'> };
  readonly settings: CommandSettings;
  /** Hears that a camera's state changed. */
  readonly changed: () => void;
}

/** Names the product before a camera, from the next frame on and after a restart. */
export function recipeEffect({ controls, model, settings, changed }: RecipeParts) {
  return async ({ camera, class: name }: CommandArguments<'recipe'>): Promise<CommandValue<'recipe'>> => {
    const control = controlOf(controls, camera);
    if (name !== null) requireClass(model.manifest, name);
    const before = control.recipe;
    await settings.setRecipe(camera, name, control.configuredClass);
    try {
      // Another model may have come into use meanwhile.
      if (name !== null) requireClass(model.manifest, name);
    } catch (error) {
      // What was refused must not come back with the model before.
      await settings.setRecipe(camera, before, control.configuredClass);
      throw error;
    }
    control.recipe = name;
    changed();
    return { camera, class: name };
  };
}

/** Applies what was set before a restart, as far as the model knows the class. */
export function restoreRecipes(
  { controls, model, settings }: Omit<RecipeParts, 'changed'>,
  logger: Pick<Logger, 'info' | 'warn'>,
): void {
  for (const [camera, control] of controls) {
    const name = settings.recipe(camera, control.configuredClass);
    if (name === undefined || name === control.recipe) continue;
    if (name !== null && !model.manifest.classes.some((known) => known.name === name)) {
      control.recipe = control.configuredClass;
      logger.warn({ camera }, `Recipe "${name}", set earlier, is no class of this model: not used.`);
      continue;
    }
    control.recipe = name;
    logger.info({ camera, class: name }, 'Recipe that was set earlier.');
  }
}

/** @throws BeltsightError ARGUMENT_INVALID naming the classes there are */
export function requireClass({ classes }: Pick<BundleManifest, 'classes'>, name: string) {
  const known = classes.find((candidate) => candidate.name === name);
  if (known) return known;
  const names = classes.map((candidate) => candidate.name).join(', ');
  throw new BeltsightError('ARGUMENT_INVALID', `class: the model knows no class "${name}"; it knows ${names}.`);
}
