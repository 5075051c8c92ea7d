import { BeltsightError, type CommandArguments, type CommandValue } from '@beltsight/sdk';
import { type BundleClass, type BundleManifest, conformalThreshold, smallestRate } from '@beltsight/sdk/bundle';
import type { Logger } from 'pino';
import type { ModelInUse } from '../../service/model.js';
import type { CommandSettings } from '../settings.js';
import { requireClass } from './recipe.js';

export interface ThresholdParts {
  readonly model: Pick<ModelInUse, 'manifest' | 'useThresholds'>;
  readonly settings: CommandSettings;
}

/** Sets the threshold of a class by the false-reject rate, from the calibration scores of the bundle; for this model, also after a restart. */
export function thresholdEffect({ model, settings }: ThresholdParts) {
  return async (args: CommandArguments<'threshold'>): Promise<CommandValue<'threshold'>> => {
    const { class: name, falseRejectRate: rate } = args;
    const { manifest } = model;
    const known = requireClass(manifest, name);
    const chosen = rate === null ? asCalibrated(known) : thresholdOf(known, rate);
    await settings.setRate(manifest.modelId, name, rate);
    if (model.manifest.modelId !== manifest.modelId) {
      // It has thresholds of its own, and scores of another scale.
      throw new BeltsightError('COMMAND_REFUSED', 'Another model has come into use meanwhile: ask again for that one.');
    }
    model.useThresholds(thresholdsOf(model.manifest, settings));
    return { class: name, ...chosen };
  };
}

/** Applies what was set for a model before a restart, or when it was last in use. */
export function restoreThresholds({ model, settings }: ThresholdParts, logger: Pick<Logger, 'info'>): void {
  const thresholds = thresholdsOf(model.manifest, settings);
  if (thresholds.size === 0) return;
  model.useThresholds(thresholds);
  logger.info({ thresholds: Object.fromEntries(thresholds) }, 'Thresholds that were set for this model earlier.');
}

function thresholdsOf(manifest: BundleManifest, settings: CommandSettings): ReadonlyMap<string, number> {
  const rates = new Map(Object.entries(settings.rates(manifest.modelId)));
  return new Map(
    manifest.classes.flatMap((known) => {
      const rate = rates.get(known.name);
      return rate === undefined ? [] : [[known.name, thresholdOf(known, rate).threshold] as const];
    }),
  );
}

const asCalibrated = ({ threshold, falseRejectRate: { attained } }: BundleClass) => ({
  threshold,
  falseRejectRate: attained,
});

/** @throws BeltsightError ARGUMENT_INVALID saying which rates the calibration can promise */
function thresholdOf({ name, calibration }: BundleClass, rate: number) {
  const { threshold, attained } = conformalThreshold(calibration, rate);
  if (attained <= rate) return { threshold, falseRejectRate: attained };
  const least = smallestRate(calibration).toPrecision(3);
  throw new BeltsightError(
    'ARGUMENT_INVALID',
    `falseRejectRate: the ${calibration.length} calibration scores of "${name}" can promise a rate of ${least} or more, not ${rate}: ask for that, or calibrate with more good images.`,
  );
}
