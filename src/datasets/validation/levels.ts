/**
 * How closely a data set is looked at.
 *
 * @module
 */

/** Every level, from the fastest; each does what those before it do. */
export const VALIDATION_LEVELS = ["quick", "standard", "deep"] as const;

/** How closely a data set is looked at. */
export type ValidationLevel = (typeof VALIDATION_LEVELS)[number];

/** What each level looks for, in the words of the help. */
export const LEVEL_SUMMARIES: Readonly<Record<ValidationLevel, string>> = {
  quick: "the structure of every row and broken characters; needs no tokenizer",
  standard:
    "also duplicates, rows of the evaluation set and, with --model, lengths, ids and the chat template",
  deep: "also near-duplicates, wrongly decoded text, repetitive answers and statistics",
};

/** Whether `level` includes all that `other` looks for. */
export function includesLevel(level: ValidationLevel, other: ValidationLevel): boolean {
  return VALIDATION_LEVELS.indexOf(level) >= VALIDATION_LEVELS.indexOf(other);
}
