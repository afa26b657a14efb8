/**
 * What is drawn: lines over a common axis, before it is known with what.
 *
 * @module
 */

/** A point. */
export interface Point {
  /** Place on the horizontal axis. */
  readonly x: number;
  /** Place on the vertical axis. */
  readonly y: number;
}

/** A line. */
export interface PlotLine {
  /** What the legend calls it. */
  readonly name: string;
  /** Its points, from left to right. */
  readonly points: readonly Point[];
  /** What it was before it was smoothed; drawn faintly where there is room. */
  readonly raw?: readonly Point[];
}

/** A plot. */
export interface Plot {
  /** Title. */
  readonly title: string;
  /** What the horizontal axis shows. */
  readonly xLabel: string;
  /** What the vertical axis shows. */
  readonly yLabel: string;
  /** Lines; points that are not finite are left out. */
  readonly lines: readonly PlotLine[];
}

/** What a plot spans. */
export interface PlotRange {
  /** Least and greatest place on the horizontal axis. */
  readonly x: readonly [number, number];
  /** Least and greatest place on the vertical axis. */
  readonly y: readonly [number, number];
}

/** Returns what the lines span, a little more where all is at one place; `undefined` without a point. */
export function rangeOf(lines: readonly PlotLine[]): PlotRange | undefined {
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const { points, raw = [] } of lines) {
    for (const { x, y } of [...points, ...raw]) {
      if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      low = Math.min(low, y);
      high = Math.max(high, y);
    }
  }
  return left > right ? undefined : { x: widened(left, right), y: widened(low, high) };
}

function widened(low: number, high: number): readonly [number, number] {
  if (low < high) return [low, high];
  const margin = Math.abs(low) / 2 || 0.5;
  return [low - margin, high + margin];
}

/** Returns the points that are finite. */
export function finitePoints(points: readonly Point[]): Point[] {
  return points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
}
