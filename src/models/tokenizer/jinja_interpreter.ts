/**
 * `@huggingface/jinja` with what chat templates need beyond it:
 *
 * - `generation` blocks, which the library drops, mark what they print;
 * - `strip`, `lstrip` and `rstrip` take the characters to strip;
 * - text and something that is no text cannot be added, so that a wrong conversation is an error and not `"[object]"`;
 * - `tojson` writes floats as floats.
 *
 * @module
 */

import { type Environment, Interpreter } from "@huggingface/jinja";
import { formatFloat, type JinjaValue, type JinjaValues } from "./jinja_values.ts";

/** Strings put around what a `generation` block prints. */
export interface GenerationMarks {
  /** Before it. */
  readonly open: string;
  /** After it. */
  readonly close: string;
}

type Statement = Parameters<Interpreter["evaluate"]>[0];

/** The parts of syntax nodes that are looked at here. */
interface Node {
  readonly type: string;
  readonly value?: unknown;
  readonly callee?: Node;
  readonly call?: Node;
  readonly args?: readonly Node[];
  readonly body?: readonly Node[];
  readonly object?: Node;
  readonly property?: Node;
  readonly computed?: boolean;
  readonly operator?: { readonly value: string };
  readonly left?: Node;
  readonly right?: Node;
  readonly operand?: Node;
  readonly filter?: Node;
  readonly key?: { readonly value: string };
}

/** Name of the macro that stands for a `generation` block. */
const GENERATION = "generation_block";

/** Writes `generation` blocks as calls, which the library's parser keeps. */
export function rewriteGenerationBlocks(source: string): string {
  return source
    .replace(/\{%([-+]?)\s*generation\s*([-+]?)%\}/g, `{%$1 call ${GENERATION}() $2%}`)
    .replace(/\{%([-+]?)\s*endgeneration\s*([-+]?)%\}/g, "{%$1 endcall $2%}");
}

/** Runs chat templates. */
export class ChatInterpreter extends Interpreter {
  readonly #values: JinjaValues;
  readonly #marks: GenerationMarks;

  /** Creates an interpreter of the templates that {@linkcode rewriteGenerationBlocks} has prepared. */
  constructor(
    environment: Environment,
    options: { readonly values: JinjaValues; readonly marks: GenerationMarks },
  ) {
    super(environment);
    this.#values = options.values;
    this.#marks = options.marks;
  }

  /** Evaluates a node. */
  override evaluate(statement: Statement, environment: Environment): JinjaValue {
    const node = statement as unknown as Node | undefined;
    switch (node?.type) {
      case "CallStatement":
        if (node.call?.callee?.value !== GENERATION) break;
        return this.#generation(node, environment);
      case "CallExpression": {
        const stripped = this.#strip(node, environment);
        if (stripped !== undefined) return stripped;
        break;
      }
      case "BinaryExpression": {
        if (node.operator?.value !== "+") break;
        const sum = this.#concatenate(node, environment);
        if (sum !== undefined) return sum;
        break;
      }
      case "FilterExpression":
        if ((node.filter?.callee ?? node.filter)?.value !== "tojson") break;
        return this.#toJson(node, environment);
    }
    return super.evaluate(statement, environment);
  }

  #evaluate(node: Node | undefined, environment: Environment): JinjaValue {
    return this.evaluate(node as unknown as Statement, environment);
  }

  #generation(node: Node, environment: Environment): JinjaValue {
    const scope = new (environment.constructor as new (parent: Environment) => Environment)(
      environment,
    );
    const printed = this.#evaluate({ type: "Program", body: node.body ?? [] }, scope);
    return this.#values.text(`${this.#marks.open}${printed.value}${this.#marks.close}`);
  }

  /** Evaluates `text.strip(characters)`; `undefined` for every other call. */
  #strip(node: Node, environment: Environment): JinjaValue | undefined {
    const callee = node.callee;
    if (callee?.type !== "MemberExpression" || callee.computed || node.args?.length !== 1) return;
    const method = String(callee.property?.value);
    if (method !== "strip" && method !== "lstrip" && method !== "rstrip") return;
    const text = this.#evaluate(callee.object, environment);
    const characters = this.#evaluate(node.args[0], environment);
    if (text.type !== "StringValue" || characters.type !== "StringValue") return;
    const set = new Set(String(characters.value));
    const kept = Array.from(String(text.value));
    let start = 0;
    let end = kept.length;
    if (method !== "rstrip") { while (start < end && set.has(kept[start]!)) start++; }
    if (method !== "lstrip") { while (end > start && set.has(kept[end - 1]!)) end--; }
    return this.#values.text(kept.slice(start, end).join(""));
  }

  /** Evaluates `a + b` if either is text. */
  #concatenate(node: Node, environment: Environment): JinjaValue | undefined {
    const left = this.#evaluate(node.left, environment);
    const right = this.#evaluate(node.right, environment);
    if (left.type === "StringValue" && right.type === "StringValue") {
      return this.#values.text(String(left.value) + String(right.value));
    }
    if (left.type !== "StringValue" && right.type !== "StringValue") return undefined;
    const names = [left, right].map(({ type }) => type.replace("Value", "").toLowerCase());
    throw new TypeError(`Cannot add ${names.join(" and ")}`);
  }

  #toJson(node: Node, environment: Environment): JinjaValue {
    const options = new Map<string, JinjaValue>();
    for (const argument of node.filter?.args ?? []) {
      if (argument.type === "KeywordArgumentExpression" && argument.key !== undefined) {
        options.set(argument.key.value, this.#evaluate(argument.value as Node, environment));
      }
    }
    const indent = options.get("indent")?.value;
    const separators = (options.get("separators")?.value as JinjaValue[] | null | undefined)
      ?.map(({ value }) => String(value));
    const [item, key] = separators ?? [typeof indent === "number" ? "," : ", ", ": "];
    const json = writeJson(this.#evaluate(node.operand, environment), {
      indent: typeof indent === "number" ? indent : undefined,
      item: item!,
      key: key!,
      sortKeys: options.get("sort_keys")?.value === true,
    }, "\n");
    const escapes = options.get("ensure_ascii")?.value === true;
    return this.#values.text(escapes ? json.replace(/[\u007f-\uffff]/g, escapeUnit) : json);
  }
}

interface JsonLayout {
  readonly indent: number | undefined;
  readonly item: string;
  readonly key: string;
  readonly sortKeys: boolean;
}

/** Writes a value as Python's `json.dumps`; `line` is a line break with the indentation of the enclosing value. */
function writeJson(value: JinjaValue, layout: JsonLayout, line: string): string {
  const inner = line + " ".repeat(layout.indent ?? 0);
  const enclose = (open: string, parts: readonly string[], close: string): string =>
    layout.indent === undefined || parts.length === 0
      ? open + parts.join(layout.item) + close
      : open + inner + parts.join(layout.item + inner) + line + close;
  switch (value.type) {
    case "FloatValue":
      return formatFloat(value.value as number);
    case "ArrayValue":
    case "TupleValue": {
      const items = value.value as readonly JinjaValue[];
      return enclose("[", items.map((each) => writeJson(each, layout, inner)), "]");
    }
    case "ObjectValue":
    case "NamespaceValue": {
      const entries = [...value.value as ReadonlyMap<string, JinjaValue>];
      if (layout.sortKeys) entries.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
      const parts = entries.map(([name, each]) =>
        JSON.stringify(name) + layout.key + writeJson(each, layout, inner)
      );
      return enclose("{", parts, "}");
    }
    case "FunctionValue":
    case "UndefinedValue":
      throw new TypeError(`Cannot write ${value.type.replace("Value", "").toLowerCase()} as JSON`);
    default:
      return JSON.stringify(value.value);
  }
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
