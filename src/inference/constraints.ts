/**
 * What texts can be held to. A constraint is data, so that it crosses threads; where the model is, it is compiled to what
 * masks logits.
 *
 * @module
 */

import type { Tokenizer } from "../models/tokenizer/tokenizer.ts";
import type { TokenConstraint } from "./generation/token_constraint.ts";
import { parseGbnf } from "./constraints/gbnf.ts";
import type { Grammar } from "./constraints/grammar.ts";
import { createGrammarConstraint } from "./constraints/grammar_constraint.ts";
import { parseJsonSchema } from "./constraints/json_schema.ts";
import { OBJECT_RULE, valueRules } from "./constraints/json_text.ts";
import { compileProgram } from "./constraints/program.ts";
import { parseRegex } from "./constraints/regex.ts";
import { type CallableFunction, toolGrammar } from "./constraints/tool_grammar.ts";
import type { TokenBytes } from "./constraints/token_bytes.ts";
import type { ToolFormat } from "./tools/tool_format.ts";
import { InferenceError } from "./inference_error.ts";

/** What a text must be like. */
export type ConstraintSpec =
  | {
    /** The text is one of some. */
    readonly kind: "choice";
    /** These. */
    readonly choices: readonly string[];
  }
  | {
    /** The text is a JSON object. */
    readonly kind: "json";
  }
  | {
    /** The text is JSON that is valid by a schema. */
    readonly kind: "json_schema";
    /** The schema. */
    readonly schema: unknown;
  }
  | {
    /** The text as a whole matches a regular expression. */
    readonly kind: "regex";
    /** The expression. */
    readonly pattern: string;
  }
  | {
    /** The text follows a grammar as llama.cpp has them. */
    readonly kind: "gbnf";
    /** The grammar. */
    readonly grammar: string;
  }
  | {
    /** The text is a call of one of some functions. */
    readonly kind: "tool_call";
    /** How calls are written. */
    readonly format: ToolFormat;
    /** These. */
    readonly functions: readonly CallableFunction[];
  };

/** What constraints are compiled for. */
export interface ConstraintContext {
  /** The model's tokenizer. */
  readonly tokenizer: Tokenizer | undefined;
  /** Tokens that end a text. */
  readonly eosTokenIds: readonly number[];
  /** Extent of the logits. */
  readonly vocabSize: number;
  /** The most tokens of the text. */
  readonly maxTokens: number;
  /** The bytes of the tokens. */
  readonly tokenBytes: () => TokenBytes;
}

type Compilers = {
  readonly [K in ConstraintSpec["kind"]]: (
    spec: Extract<ConstraintSpec, { readonly kind: K }>,
    context: ConstraintContext & { readonly tokenizer: Tokenizer },
  ) => TokenConstraint;
};

const COMPILERS: Compilers = {
  choice: compileChoice,
  json: (_, context) => follow({ root: OBJECT_RULE, rules: valueRules() }, context),
  json_schema: ({ schema }, context) => follow(parseJsonSchema(schema), context),
  regex({ pattern }, context) {
    return follow({ root: "regex", rules: new Map([["regex", parseRegex(pattern)]]) }, context);
  },
  tool_call: ({ functions, format }, context) => follow(toolGrammar(functions, format), context),
  gbnf: ({ grammar }, context) => follow(parseGbnf(grammar), context),
};

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
  const compile = COMPILERS[spec.kind] as (
    spec: ConstraintSpec,
    context: ConstraintContext & { readonly tokenizer: Tokenizer },
  ) => TokenConstraint; // the table has the compiler of each kind
  return compile(spec, { ...context, tokenizer });
}

/** Lets through what follows a grammar. */
function follow(
  grammar: Grammar,
  { tokenBytes, eosTokenIds, maxTokens }: ConstraintContext,
): TokenConstraint {
  if (eosTokenIds.length === 0) {
    throw new InferenceError(
      "invalid_constraint",
      "Cannot constrain the text: no token of the model ends a text",
    );
  }
  const tokens = tokenBytes();
  const program = compileProgram(grammar, tokens);
  return createGrammarConstraint(program, { tokens, eosTokenIds, maxTokens });
}

/** Tokens that may follow, and what follows them; a choice may end where `ends` says so. */
interface Fork {
  readonly next: Map<number, Fork>;
  ends: boolean;
}

/** Lets through the tokens into which the tokenizer cuts the choices. */
function compileChoice(
  { choices }: Extract<ConstraintSpec, { readonly kind: "choice" }>,
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
    get isDone() {
      return at === undefined || at.ends && at.next.size === 0;
    },
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
