import type { Point } from '../state/model.js';

export const clockText = (at: number) => new Date(at).toLocaleTimeString('en-GB');

/** Time, with the day where it is another one. */
export function whenText(at: number, now: number): string {
  const day =
    new Date(at).toDateString() === new Date(now).toDateString() ? '' : `${new Date(at).toLocaleDateString('en-GB')} `;
  return day + clockText(at);
}

export const percent = (share: number) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;

export const productText = (product: string | null) => product ?? 'product not known';

/** Of a model that fails the score is the largest number there is. */
const scoreNumber = (value: number, digits: number) => (value < 1e9 ? value.toFixed(digits) : '∞');

/** "1.482 of 0.913", or the score alone where no class gives a threshold. */
export const scoreText = ({ score, threshold }: Pick<Point, 'score' | 'threshold'>) =>
  threshold === null ? scoreNumber(score, 3) : `${scoreNumber(score, 3)} of ${threshold.toFixed(3)}`;

/** "1.62 ×": score over threshold. */
export const ratioText = ({ score, threshold }: Pick<Point, 'score' | 'threshold'>) =>
  threshold === null ? '–' : `${scoreNumber(score / threshold, 2)} ×`;
