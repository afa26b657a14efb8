/**
 * Smoothing lines, and drawing fewer points than there are.
 *
 * @module
 */

import { finitePoints, type Point } from "./plot.ts";

/**
 * Returns the exponential moving average of points; `weight` is that of what came before, 0 smooths nothing. What the
 * average begins with does not count, as TensorBoard has it.
 */
export function smoothed(points: readonly Point[], weight: number): Point[] {
  let sum = 0;
  let weights = 0;
  return finitePoints(points).map(({ x, y }) => {
    sum = weight * sum + (1 - weight) * y;
    weights = weight * weights + (1 - weight);
    return { x, y: sum / weights };
  });
}

/** Returns at most about `limit` of the points, with the lowest and the highest of each part of the line. */
export function thinned(points: readonly Point[], limit: number): readonly Point[] {
  if (points.length <= limit) return points;
  const size = points.length / (limit / 2);
  const kept: Point[] = [];
  for (let start = 0; start < points.length; start += size) {
    const part = points.slice(Math.floor(start), Math.floor(start + size));
    if (part.length === 0) continue;
    const low = part.reduce((a, b) => b.y < a.y ? b : a);
    const high = part.reduce((a, b) => b.y > a.y ? b : a);
    kept.push(...(low === high ? [low] : low.x < high.x ? [low, high] : [high, low]));
  }
  const [first, last] = [points[0]!, points.at(-1)!];
  if (kept[0] !== first) kept.unshift(first);
  if (kept.at(-1) !== last) kept.push(last);
  return kept;
}
