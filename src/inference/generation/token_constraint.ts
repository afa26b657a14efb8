/**
 * What tokens may come next, beyond what the model says: biases and constraints.
 *
 * @module
 */

/** Follows a text and says which tokens may come next, for example by a grammar. */
export interface TokenConstraint {
  /** Sets the logits of tokens that may not come next to −Infinity; at least one is left. */
  mask(logits: Float32Array): void;
  /** Whether the text is whole and nothing can follow it. */
  readonly isDone: boolean;
  /** Takes the token that was chosen. */
  accept(id: number): void;
}

/** What changes the logits before a token is chosen. */
export interface LogitChanges {
  /** Added to the logits of tokens, by id. */
  readonly logitBias?: ReadonlyMap<number, number>;
  /** Says which tokens may come next. */
  readonly constraint?: TokenConstraint;
}

/** Returns `logits` with the changes, or `logits` itself where there are none. */
export function biased(
  logits: Float32Array,
  { logitBias, constraint }: LogitChanges,
): Float32Array {
  if (logitBias === undefined && constraint === undefined) return logits;
  const changed = logits.slice();
  for (const [id, bias] of logitBias ?? []) changed[id]! += bias;
  constraint?.mask(changed);
  return changed;
}
