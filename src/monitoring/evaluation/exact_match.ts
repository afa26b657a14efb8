/**
 * Exact match of texts, with what is to be ignored.
 *
 * @module
 */

/** What does not count. */
export interface ExactMatchRules {
  /** Upper and lower case. */
  readonly ignoreCase: boolean;
  /** ASCII punctuation. */
  readonly ignorePunctuation: boolean;
  /** ASCII digits. */
  readonly ignoreNumbers: boolean;
  /** What these match, in this order. */
  readonly regexesToIgnore: readonly RegExp[];
}

/** Everything counts. */
export const STRICT_MATCH: ExactMatchRules = {
  ignoreCase: false,
  ignorePunctuation: false,
  ignoreNumbers: false,
  regexesToIgnore: [],
};

/** Returns whether `given` is `wanted`. */
export function isExactMatch(given: string, wanted: string, rules: ExactMatchRules): boolean {
  return normalized(given, rules) === normalized(wanted, rules);
}

function normalized(text: string, rules: ExactMatchRules): string {
  let result = text;
  for (const regex of rules.regexesToIgnore) result = result.replace(regex, "");
  if (rules.ignoreCase) result = result.toLowerCase();
  if (rules.ignorePunctuation) result = result.replace(/[!-/:-@[-`{-~]/g, "");
  return rules.ignoreNumbers ? result.replace(/[0-9]/g, "") : result;
}
