/**
 * SentencePiece's byte-pair encoding has no list of merges: any two neighbours merge whose text is a token, the
 * token with the highest score first. Here the two are turned into each other.
 *
 * @module
 */

import { TOKEN_TYPES } from "./token_types.ts";

/** A vocabulary with scores. */
export interface ScoredVocabulary {
  /** Tokens by id. */
  readonly tokens: readonly string[];
  /** Their scores; the highest is merged first. */
  readonly scores: readonly number[];
  /** Their kinds. */
  readonly types: readonly number[];
}

/** A merge: two tokens whose texts together are a third. */
export type Merge = readonly [left: string, right: string];

/** Tokens of these kinds are never made by merging. */
const UNMERGED: readonly number[] = [TOKEN_TYPES.control, TOKEN_TYPES.unknown, TOKEN_TYPES.byte];

/** The score of tokens that no merge makes, far below those that one does. */
export const UNMERGED_SCORE = -1e6;

/** Returns the merges that the scores amount to, the first to be applied first. */
export function mergesOfScores({ tokens, scores, types }: ScoredVocabulary): Merge[] {
  const vocabulary = new Set(tokens.filter((_, id) => !UNMERGED.includes(types[id]!)));
  const ids = tokens.map((_, id) => id).filter((id) => vocabulary.has(tokens[id]!));
  ids.sort((a, b) => scores[b]! - scores[a]! || a - b);
  return ids.flatMap((id) => splitsOf(tokens[id]!, (part) => vocabulary.has(part)));
}

/** Returns the scores that amount to `merges`: the earlier the first merge that makes a token, the higher. */
export function scoresOfMerges(tokens: readonly string[], merges: readonly Merge[]): number[] {
  const rank = new Map<string, number>();
  merges.forEach(([left, right], i) => {
    if (!rank.has(left + right)) rank.set(left + right, i);
  });
  return tokens.map((token) => {
    const first = rank.get(token);
    return first === undefined ? UNMERGED_SCORE : -first;
  });
}

/** Returns the ways to cut a token into two tokens. */
function splitsOf(token: string, isToken: (part: string) => boolean): Merge[] {
  const characters = Array.from(token);
  const splits: Merge[] = [];
  for (let at = 1; at < characters.length; at++) {
    const left = characters.slice(0, at).join("");
    const right = characters.slice(at).join("");
    if (isToken(left) && isToken(right)) splits.push([left, right]);
  }
  return splits;
}
