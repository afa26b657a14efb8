/**
 * Penalties for tokens that have occurred.
 *
 * @module
 */

import type { TokenHistory } from "./sampling.ts";

/** How much to hold against tokens that have occurred. */
export interface PenaltySettings {
  /** Divides positive and multiplies negative logits of tokens of prompt and text (Keskar et al., 2019); 1 is none. */
  readonly repetitionPenalty: number;
  /** Subtracted for every time a token was generated, as OpenAI has it; 0 is none. */
  readonly frequencyPenalty: number;
  /** Subtracted once from every token that was generated, as OpenAI has it; 0 is none. */
  readonly presencePenalty: number;
}

/** Returns `logits` with the penalties, or `logits` itself where there are none. */
export function applyPenalties(
  logits: Float32Array,
  penalties: PenaltySettings,
  history: TokenHistory,
): Float32Array {
  const { repetitionPenalty, frequencyPenalty, presencePenalty } = penalties;
  const { promptIds, generatedIds } = history;
  if (repetitionPenalty === 1 && frequencyPenalty === 0 && presencePenalty === 0) return logits;
  const result = logits.slice();
  if (repetitionPenalty !== 1) {
    for (const id of new Set([...promptIds, ...generatedIds])) {
      const logit = result[id]!;
      result[id] = logit < 0 ? logit * repetitionPenalty : logit / repetitionPenalty;
    }
  }
  for (const [id, count] of countOf(generatedIds)) {
    result[id]! -= frequencyPenalty * count + presencePenalty;
  }
  return result;
}

function countOf(ids: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}
