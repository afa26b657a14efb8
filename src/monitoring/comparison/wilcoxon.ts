/**
 * Wilcoxon's signed-rank test.
 *
 * @module
 */

import { normalTail } from "./normal.ts";

/** More pairs than this, or ties, are tested by the normal approximation. */
const MAX_EXACT = 50;

/**
 * Returns the two-sided p-value of paired differences: exact for at most 50 without ties and zeros, else by the normal
 * approximation with the variance that ties leave and no correction of continuity. Differences of zero are left out.
 */
export function wilcoxonTest(differences: readonly number[]): number {
  const nonzero = differences.filter((difference) => difference !== 0);
  const n = nonzero.length;
  if (n === 0) return 1;
  const { positive, ties } = rankSum(nonzero);
  if (n <= MAX_EXACT && ties === 0 && n === differences.length) return exact(positive, n);
  const mean = n * (n + 1) / 4;
  const variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48;
  if (variance === 0) return 1;
  return Math.min(1, 2 * normalTail(Math.abs(positive - mean) / Math.sqrt(variance)));
}

/** Sums the ranks of positive differences, and t³ − t over groups of t equal ones. */
function rankSum(values: readonly number[]): { readonly positive: number; readonly ties: number } {
  const order = values.toSorted((a, b) => Math.abs(a) - Math.abs(b));
  let positive = 0;
  let ties = 0;
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && Math.abs(order[end]!) === Math.abs(order[start]!)) end++;
    const rank = (start + 1 + end) / 2;
    const count = end - start;
    ties += count ** 3 - count;
    positive += rank * order.slice(start, end).filter((value) => value > 0).length;
    start = end;
  }
  return { positive, ties };
}

/** Counts the sets of ranks by their sum. */
function exact(statistic: number, n: number): number {
  const total = n * (n + 1) / 2;
  const counts = new Float64Array(total + 1);
  counts[0] = 1;
  for (let rank = 1; rank <= n; rank++) {
    for (let sum = total; sum >= rank; sum--) counts[sum] = counts[sum]! + counts[sum - rank]!;
  }
  const fewer = Math.min(statistic, total - statistic);
  let tail = 0;
  for (let sum = 0; sum <= fewer; sum++) tail += counts[sum]!;
  return Math.min(1, 2 * tail / 2 ** n);
}
