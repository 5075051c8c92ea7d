import type { ImageResult } from '../../results.js';

/** Colours that people with any kind of colour blindness tell apart (Okabe and Ito 2008; grey for black and for yellow, which vanishes on white). */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#d55e00', '#56b4e9', '#8a8a8a'];

/** Colour of the class with this number; there are more classes than colours, so names stand in the picture, too. */
export function colourOf(classNumber: number): string {
  return COLOURS[classNumber % COLOURS.length] as string;
}

/** Half the side of a mark. */
const R = 3.2;

/**
 * A mark by truth and verdict: circle good, triangle defective; filled passed, hollow rejected, cross unknown (upright for good, slanting for
 * defective).
 */
export function mark(x: number, y: number, defective: boolean, verdict: ImageResult['decision']['verdict']): string {
  const at = (dx: number, dy: number) => `${(x + dx).toFixed(1)} ${(y + dy).toFixed(1)}`;
  if (verdict === 'unknown') {
    const d = defective
      ? `M${at(-R, -R)}L${at(R, R)}M${at(-R, R)}L${at(R, -R)}`
      : `M${at(-R, 0)}L${at(R, 0)}M${at(0, -R)}L${at(0, R)}`;
    return `<path d="${d}"/>`;
  }
  const hollow = verdict === 'reject' ? ' class="hollow"' : '';
  if (defective) return `<path${hollow} d="M${at(0, -R * 1.2)}L${at(R * 1.1, R * 0.9)}L${at(-R * 1.1, R * 0.9)}Z"/>`;
  return `<circle${hollow} cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${R}"/>`;
}
