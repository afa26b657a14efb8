/**
 * What texts can be held to. A constraint is data, so that it crosses threads; where the model is, it is compiled to what
 * masks logits.
 *
 * @module
 */

import type { Tokenizer } from "../models/tokenizer/tokenizer.ts";
import type { TokenConstraint } from "./generation/token_constraint.ts";
import { InferenceError } from "./inference_error.ts";

/** What a text must be like. */
export type ConstraintSpec = {
  /** The text is one of some. */
  readonly kind: "choice";
  /** These. */
  readonly choices: readonly string[];
};

/** What constraints are compiled for. */
export interface ConstraintContext {
  /** The model's tokenizer. */
  readonly tokenizer: Tokenizer | undefined;
  /** Tokens that end a text. */
  readonly eosTokenIds: readonly number[];
  /** Extent of the logits. */
  readonly vocabSize: number;
}

type Compilers = {
  readonly [K in ConstraintSpec["kind"]]: (
    spec: ConstraintSpec & { readonly kind: K },
    context: ConstraintContext & { readonly tokenizer: Tokenizer },
  ) => TokenConstraint;
};

const COMPILERS: Compilers = { choice: compileChoice };

/**
 * Compiles a constraint for one text.
 *
 * @throws {InferenceError} If it means nothing or the model has no tokenizer.
 */
export function compileConstraint(
  spec: ConstraintSpec,
  { tokenizer, ...context }: ConstraintContext,
): TokenConstraint {
  if (tokenizer === undefined) {
    throw new InferenceError("no_tokenizer", "Cannot constrain a text: the model has no tokenizer");
  }
  return COMPILERS[spec.kind](spec, { ...context, tokenizer });
}

/** Tokens that may follow, and what follows them; a choice may end where `ends` says so. */
interface Fork {
  readonly next: Map<number, Fork>;
  ends: boolean;
}

/** Lets through the tokens into which the tokenizer cuts the choices. */
function compileChoice(
  { choices }: ConstraintSpec,
  { tokenizer, eosTokenIds }: ConstraintContext & { readonly tokenizer: Tokenizer },
): TokenConstraint {
  const root: Fork = { next: new Map(), ends: false };
  for (const choice of choices) {
    let fork = root;
    for (const id of tokenizer.encode(choice, { addSpecialTokens: false })) {
      const known = fork.next.get(id) ?? { next: new Map(), ends: false };
      fork.next.set(id, known);
      fork = known;
    }
    fork.ends = true;
  }
  if (choices.length === 0 || eosTokenIds.length === 0) {
    throw new InferenceError(
      "invalid_constraint",
      choices.length === 0
        ? "Cannot choose: there are no choices"
        : "Cannot hold a text to choices: no token of the model ends a text",
    );
  }
  let at: Fork | undefined = root;
  return {
    mask(logits) {
      const allowed = new Set(at?.next.keys());
      if (at === undefined || at.ends) { for (const id of eosTokenIds) allowed.add(id); }
      for (let id = 0; id < logits.length; id++) if (!allowed.has(id)) logits[id] = -Infinity;
    },
    accept(id) {
      at = at?.next.get(id);
    },
  };
}
