/**
 * Resampling of paired differences: a bootstrap interval of their mean, and a test that flips their signs.
 *
 * @module
 */

import { createRandom } from "../../utils/random.ts";

/** Options of {@linkcode bootstrapInterval} and {@linkcode permutationTest}. */
export interface ResamplingOptions {
  /** How often. */
  readonly resamples: number;
  /** The same seed gives the same numbers. */
  readonly seed: number;
}

/**
 * Returns the interval of the mean that holds it with `confidence`: percentiles of the means of resampled items, as many
 * as there are (Efron, 1979). Weighted items give the interval of the weighted mean.
 */
export function bootstrapInterval(
  values: readonly number[],
  options: ResamplingOptions & {
    readonly confidence: number;
    readonly weights?: readonly number[] | undefined;
  },
): readonly [low: number, high: number] {
  const { resamples, seed, confidence, weights } = options;
  const n = values.length;
  const [data, weight] = [Float64Array.from(values), Float64Array.from(weights ?? [])];
  const random = createRandom(seed);
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    let total = 0;
    for (let i = 0; i < n; i++) {
      const at = random.integer(n);
      const each = weights === undefined ? 1 : weight[at]!;
      sum += each * data[at]!;
      total += each;
    }
    means[r] = total === 0 ? 0 : sum / total;
  }
  means.sort();
  const tail = (1 - confidence) / 2;
  return [percentile(means, tail), percentile(means, 1 - tail)];
}

/**
 * Returns the two-sided p-value of the hypothesis that the sign of each difference is chance: the share of random signs
 * whose mean is as far from 0, the observed one counted (Phipson and Smyth, 2010).
 */
export function permutationTest(
  differences: readonly number[],
  { resamples, seed }: ResamplingOptions,
): number {
  const data = Float64Array.from(differences.filter((each) => each !== 0));
  if (data.length === 0) return 1;
  let observed = 0;
  for (let i = 0; i < data.length; i++) observed += data[i]!;
  const random = createRandom(seed);
  const bound = Math.abs(observed) * (1 - 1e-12); // equal sums may differ by rounding
  let extreme = 0;
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    let bits = 0;
    for (let i = 0; i < data.length; i++) {
      if (i % 32 === 0) bits = random.word();
      sum += bits & 1 ? data[i]! : -data[i]!;
      bits >>>= 1;
    }
    if (Math.abs(sum) >= bound) extreme++;
  }
  return (extreme + 1) / (resamples + 1);
}

/** Between the two nearest, as NumPy's default has it. */
function percentile(sorted: Float64Array, part: number): number {
  const at = part * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (at - low) * (sorted[high]! - sorted[low]!);
}
