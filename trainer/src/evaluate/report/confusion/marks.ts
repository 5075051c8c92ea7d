import type { ImageResult } from '../../results.js';

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
