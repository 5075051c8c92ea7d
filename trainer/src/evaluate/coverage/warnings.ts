import type { CoverageReport } from './coverage.js';

/** Sentences for people about classes whose good products are rejected more often than their calibration explains. */
export function coverageWarnings({ classes }: CoverageReport): string[] {
  return Object.entries(classes).flatMap(([name, { verdict, rejected, freshImages, expectedCounts }]) =>
    verdict === 'more than expected'
      ? [
          `Warning: ${rejected} of ${freshImages} good test images of class ${name} are rejected, where at most ${expectedCounts[1]} were to be expected: they differ from the images that it was calibrated on (light, batch, position).`,
        ]
      : [],
  );
}
