/**
 * A call of one of some functions, as a grammar.
 *
 * @module
 */

import type { ToolFormat } from "../tools/tool_format.ts";
import { TOOL_SPELLINGS } from "../tools/tool_format.ts";
import { choice, type Grammar, type GrammarNode, literal, rule, sequence } from "./grammar.ts";
import { parseJsonSchema } from "./json_schema.ts";

/** A function that may be called. */
export interface CallableFunction {
  /** Its name. */
  readonly name: string;
  /** The schema of what it is called with. */
  readonly parameters: unknown;
}

/**
 * Returns the grammar of a call.
 *
 * @throws {InferenceError} If the schema of a function cannot be used.
 */
export function toolGrammar(functions: readonly CallableFunction[], format: ToolFormat): Grammar {
  const { before, argumentsKey, after } = TOOL_SPELLINGS[format];
  const rules = new Map<string, GrammarNode>();
  const calls = functions.map(({ name, parameters }, i) => {
    const grammar = parseJsonSchema(parameters);
    const prefix = `${i} `;
    const seen = new Map<GrammarNode, GrammarNode>();
    for (const [key, node] of grammar.rules) rules.set(prefix + key, renamed(node, prefix, seen));
    return sequence(
      literal(`${before}{"name": ${JSON.stringify(name)}, "${argumentsKey}": `),
      rule(prefix + grammar.root),
      literal(`}${after}`),
    );
  });
  rules.set("call", choice(...calls));
  return { root: "call", rules };
}

/** Gives the rules that a node names a prefix; nodes that occur several times stay one. */
function renamed(
  node: GrammarNode,
  prefix: string,
  seen: Map<GrammarNode, GrammarNode>,
): GrammarNode {
  const known = seen.get(node);
  if (known !== undefined) return known;
  const copy = copied(node, (inner) => renamed(inner, prefix, seen), prefix);
  seen.set(node, copy);
  return copy;
}

function copied(
  node: GrammarNode,
  copy: (node: GrammarNode) => GrammarNode,
  prefix: string,
): GrammarNode {
  switch (node.kind) {
    case "rule":
      return rule(prefix + node.name);
    case "sequence":
    case "choice":
      return { kind: node.kind, items: node.items.map(copy) };
    case "repeat":
      return { ...node, item: copy(node.item) };
    case "chars":
    case "text":
      return node;
  }
}
