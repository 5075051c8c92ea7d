import { BeltsightError, type CommandArguments, type CommandValue } from '@beltsight/sdk';
import { type BundleClass, type BundleManifest, conformalThreshold, smallestRate } from '@beltsight/sdk/bundle';
import type { Logger } from 'pino';
import type { Scorer } from '../../score/scorer.js';
import type { CommandSettings } from '../settings.js';
import { requireClass } from './recipe.js';

export interface ThresholdParts {
  readonly scorer: Pick<Scorer, 'manifest' | 'useThresholds'>;
  readonly settings: CommandSettings;
}

/** Sets the threshold of a class by the false-reject rate, from the calibration scores of the bundle; for this model, also after a restart. */
export function thresholdEffect({ scorer, settings }: ThresholdParts) {
  return async (args: CommandArguments<'threshold'>): Promise<CommandValue<'threshold'>> => {
    const { class: name, falseRejectRate: rate } = args;
    const { manifest } = scorer;
    const known = requireClass(manifest, name);
    const chosen = rate === null ? asCalibrated(known) : thresholdOf(known, rate);
    await settings.setRate(manifest.modelId, name, rate);
    scorer.useThresholds(thresholdsOf(manifest, settings));
    return { class: name, ...chosen };
  };
}

/** Applies what was set for this model before a restart. */
export function restoreThresholds({ scorer, settings }: ThresholdParts, logger: Pick<Logger, 'info'>): void {
  const thresholds = thresholdsOf(scorer.manifest, settings);
  if (thresholds.size === 0) return;
  scorer.useThresholds(thresholds);
  logger.info({ thresholds: Object.fromEntries(thresholds) }, 'Thresholds of before the restart.');
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
