/**
 * Labels, as transformers has them: one per token, in its place; the trainer shifts them.
 *
 * @module
 */

/** The label of a token that is not trained. */
export const IGNORED_LABEL: number = -100;

/** Returns how many tokens are trained: the first never is, because nothing comes before it. */
export function countTrainedTokens(labels: Int32Array): number {
  let count = 0;
  for (let i = 1; i < labels.length; i++) if (labels[i] !== IGNORED_LABEL) count++;
  return count;
}

/** Whether any token is trained. */
export function hasTrainedToken(labels: Int32Array): boolean {
  return labels.some((label, i) => i > 0 && label !== IGNORED_LABEL);
}
