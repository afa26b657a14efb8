/**
 * The kinds of tokens, as llama.cpp numbers them.
 *
 * @module
 */

/** Number of each kind. */
export const TOKEN_TYPES = {
  /** Found by the model. */
  normal: 1,
  /** Stands for what has no token. */
  unknown: 2,
  /** Has a meaning and no text. */
  control: 3,
  /** Found in the text before the model runs. */
  userDefined: 4,
  /** Never made. */
  unused: 5,
  /** A single byte. */
  byte: 6,
} as const;
