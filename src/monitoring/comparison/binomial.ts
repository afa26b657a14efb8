/**
 * McNemar's exact test: of the items on which two models differ, each is as likely to win if they are equally good.
 *
 * @module
 */

/** Items on which exactly one of two is right. */
export interface DiscordantCounts {
  /** Right for the first alone. */
  readonly onlyFirst: number;
  /** Right for the second alone. */
  readonly onlySecond: number;
}

/** Returns the two-sided p-value, the probability of a split at least as uneven as this one. */
export function mcNemarTest({ onlyFirst, onlySecond }: DiscordantCounts): number {
  const n = onlyFirst + onlySecond;
  if (n === 0) return 1;
  const fewer = Math.min(onlyFirst, onlySecond);
  let logTerm = -n * Math.LN2; // of C(n, k) / 2^n
  let tail = Math.exp(logTerm);
  for (let k = 1; k <= fewer; k++) {
    logTerm += Math.log(n - k + 1) - Math.log(k);
    tail += Math.exp(logTerm);
  }
  return Math.min(1, 2 * tail);
}
