/**
 * Syntax nodes of `@huggingface/jinja`, as far as they are looked at, and two of our own.
 *
 * @module
 */

/** The parts of syntax nodes that are looked at. */
export interface JinjaNode {
  /** Name of its class. */
  readonly type: string;
  readonly value?: unknown;
  readonly callee?: JinjaNode;
  readonly call?: JinjaNode;
  readonly args?: readonly JinjaNode[];
  readonly body?: JinjaNode[];
  readonly alternate?: JinjaNode[];
  readonly defaultBlock?: JinjaNode[];
  readonly iterable?: JinjaNode;
  readonly lhs?: JinjaNode;
  readonly object?: JinjaNode;
  readonly property?: JinjaNode;
  readonly computed?: boolean;
  readonly operator?: { readonly value: string };
  readonly left?: JinjaNode;
  readonly right?: JinjaNode;
  readonly operand?: JinjaNode;
  readonly filter?: JinjaNode;
  readonly key?: { readonly value: string };
}

/** Type of a node that stands for a value that is known. */
export const VALUE = "KnownValue";
/** Type of a node whose operand is printed. */
export const PRINTED = "Printed";

/** Statements, which print nothing or what is in their bodies. */
const STATEMENTS: ReadonlySet<string> = new Set([
  ...["Program", "If", "For", "Break", "Continue", "Set", "Macro", "Comment"],
  ...["CallStatement", "FilterStatement"],
]);

/** Wraps every expression that `node` prints. */
export function markPrinted(node: JinjaNode): void {
  for (const block of [node.body, node.alternate, node.defaultBlock]) {
    block?.forEach((each, i) => {
      if (STATEMENTS.has(each.type)) markPrinted(each);
      else if (each.type !== "StringLiteral") block[i] = { type: PRINTED, operand: each };
    });
  }
}
