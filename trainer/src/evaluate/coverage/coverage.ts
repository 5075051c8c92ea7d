import { type BundleClass, conformalP, conformalRank } from '@beltsight/sdk/bundle';
import { atLeast, betaBinomial, type CountDistribution, centralCounts, sumOf } from './counts.js';
import { type CurvePoint, calibrationCurve } from './curve.js';
import { betaInterval, clopperPearson, type Interval } from './interval.js';
import type { SeenClass } from './seen.js';

/** Whether good products were rejected as often as their calibration lets expect; `null` where there were none to try. */
type CoverageVerdict = 'as expected' | 'more than expected' | 'fewer than expected' | null;

/** False rejects of fresh good products: promised, and measured. Rates are fractions of 1; intervals cover 95 %. */
export interface Coverage {
  /** Wanted false-reject rate, as the operator asked; over all classes the mean over their good test images. */
  readonly wanted: number;
  /** What split-conformal calibration promises on average over calibrations: (n+1-k)/(n+1) for the k-th smallest of n scores. */
  readonly promised: number;
  /** n: good images that the threshold was calibrated on. */
  readonly calibrationImages: number;
  /** m: good test images. */
  readonly freshImages: number;
  /** Good test images that score at or above the threshold of their own class, whatever they were recognised as. */
  readonly rejected: number;
  /** rejected / m; null without good test images. */
  readonly measured: number | null;
  /** Clopper-Pearson: rates that `rejected` of m is in keeping with. */
  readonly measuredInterval: Interval;
  /** How many of m may be rejected by a right calibration on n images: beta-binomial. */
  readonly expectedCounts: Interval;
  /** Probability of so many rejects or more under a right calibration. */
  readonly chanceOfMore: number;
  readonly verdict: CoverageVerdict;
  /** Share of good test images whose p-value is at most alpha, for alpha over all of (0, 1). */
  readonly curve: readonly CurvePoint[];
}

/** Coverage of one class. */
interface ClassCoverage extends Coverage {
  /** Where the false-reject rate of a threshold lies that was calibrated on so many images: Beta(n+1-k, k). */
  readonly rateInterval: Interval;
}

export interface CoverageReport {
  /** Of the classes that the bundle knows. */
  readonly classes: Readonly<Record<string, ClassCoverage>>;
  /** All classes together, which are calibrated independently; null where the bundle knows none of them. */
  readonly all: Coverage | null;
}

/** Good test images of a class beside its calibration. */
interface Trial {
  readonly known: BundleClass;
  readonly scores: readonly number[];
}

/** Compares the false rejects of good test images with what the calibration of their classes promises. */
export function coverageOf(seen: readonly SeenClass[], classes: readonly BundleClass[]): CoverageReport {
  const trials = seen.flatMap(({ name, images }): Trial[] => {
    const known = classes.find((candidate) => candidate.name === name);
    const scores = images.filter(({ defect }) => defect === undefined).map(({ score }) => score);
    return known ? [{ known, scores }] : [];
  });
  const entries = trials.map((trial) => {
    const { alpha, beta } = rateDistribution(trial.known);
    return [trial.known.name, { ...coverage([trial]), rateInterval: betaInterval(alpha, beta) }] as const;
  });
  return { classes: Object.fromEntries(entries), all: trials.length === 0 ? null : coverage(trials) };
}

/** The false-reject rate of a class over calibrations, Beta(alpha, beta). */
function rateDistribution({ calibration, falseRejectRate }: BundleClass) {
  const n = calibration.length;
  const rank = conformalRank(n, falseRejectRate.wanted);
  return { alpha: n + 1 - rank, beta: rank };
}

function coverage(trials: readonly Trial[]): Coverage {
  const freshImages = sum(trials.map(({ scores }) => scores.length));
  const mean = (rate: (known: BundleClass) => number) =>
    sum(
      trials.map(
        ({ known, scores }) => rate(known) * (freshImages === 0 ? 1 / trials.length : scores.length / freshImages),
      ),
    );
  const rejected = sum(trials.map(({ known, scores }) => scores.filter((score) => !(score < known.threshold)).length));
  const counts = sumOf(
    trials.map(({ known, scores }) => {
      const { alpha, beta } = rateDistribution(known);
      return betaBinomial(scores.length, alpha, beta);
    }),
  );
  return {
    wanted: mean(({ falseRejectRate }) => falseRejectRate.wanted),
    promised: mean((known) => {
      const { alpha, beta } = rateDistribution(known);
      return alpha / (alpha + beta);
    }),
    calibrationImages: sum(trials.map(({ known }) => known.calibration.length)),
    freshImages,
    rejected,
    measured: freshImages === 0 ? null : rejected / freshImages,
    measuredInterval: clopperPearson(rejected, freshImages),
    expectedCounts: centralCounts(counts),
    chanceOfMore: atLeast(counts, rejected),
    verdict: freshImages === 0 ? null : verdictOf(counts, rejected),
    curve: calibrationCurve(
      trials.map(({ known: { calibration }, scores }) => ({
        calibrationImages: calibration.length,
        pValues: scores.map((score) => conformalP(score, calibration)),
      })),
    ),
  };
}

function verdictOf(counts: CountDistribution, rejected: number): CoverageVerdict {
  const [low, high] = centralCounts(counts);
  if (rejected > high) return 'more than expected';
  return rejected < low ? 'fewer than expected' : 'as expected';
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
