/**
 * Log-probabilities of tokens, from the model's own distribution: no temperature, no penalties.
 *
 * @module
 */

/** A token and its natural log-probability. */
export interface ScoredToken {
  /** Token id. */
  readonly id: number;
  /** Natural logarithm of its probability. */
  readonly logprob: number;
}

/** A token of a text with the likeliest ones at its place. */
export interface TokenLogprobs extends ScoredToken {
  /** The likeliest tokens, likeliest first. */
  readonly top: readonly ScoredToken[];
}

/** Options of {@linkcode tokenLogprobs}. */
export interface TokenLogprobsOptions {
  /** How many of the likeliest tokens to report. */
  readonly topCount: number;
}

/** Returns the log-probability of token `id` and the likeliest tokens, by the `logits` of one position. */
export function tokenLogprobs(
  logits: Float32Array,
  id: number,
  options: TokenLogprobsOptions,
): TokenLogprobs {
  const logSum = logSumExp(logits);
  const score = (token: number): ScoredToken => ({ id: token, logprob: logits[token]! - logSum });
  return { ...score(id), top: likeliestTokens(logits, options.topCount).map(score) };
}

/** Returns log Σ e^logit. */
export function logSumExp(logits: Float32Array): number {
  let max = -Infinity;
  for (let i = 0; i < logits.length; i++) {
    if (logits[i]! > max) max = logits[i]!;
  }
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - max);
  return max + Math.log(sum);
}

/** The ids of the `count` largest logits, largest first, the lower id of a tie first. */
function likeliestTokens(logits: Float32Array, count: number): number[] {
  const top: number[] = [];
  for (let id = 0; id < logits.length && count > 0; id++) {
    if (top.length === count && logits[id]! <= logits[top[count - 1]!]!) continue;
    if (top.length === count) top.pop();
    let at = top.length;
    while (at > 0 && logits[top[at - 1]!]! < logits[id]!) at--;
    top.splice(at, 0, id);
  }
  return top;
}
