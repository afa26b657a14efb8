/**
 * `@huggingface/jinja` with what chat templates need beyond it:
 *
 * - `generation` blocks, which the library drops, mark what they print;
 * - `strip`, `lstrip`, `rstrip` and `trim` take the characters to strip, and Python's white space for such;
 * - text and something that is no text cannot be added, so that a wrong conversation is an error and not `"[object]"`;
 * - `tojson` writes floats as floats.
 *
 * @module
 */

import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import {
  createJinjaValues,
  formatFloat,
  type JinjaValue,
  type JinjaValues,
} from "./jinja_values.ts";
import { pythonStrip, STRIP_SIDES, type StripMethod } from "./python_strip.ts";

/** Strings put around what a `generation` block prints. */
export interface GenerationMarks {
  /** Returns the one before it; `message` is the index of the message that is written, where there is one. */
  readonly open: (message: number | undefined) => string;
  /** The one after it. */
  readonly close: string;
}

/** A parsed template. */
export interface JinjaTemplate {
  /** Runs it: `globals` are functions and constants, `variables` are JSON data, `messages` among them. */
  render(
    variables: Readonly<Record<string, unknown>>,
    options: {
      readonly globals: Readonly<Record<string, unknown>>;
      readonly marks: GenerationMarks;
    },
  ): string;
}

type Statement = Parameters<Interpreter["evaluate"]>[0];
type LibraryValue = ReturnType<Interpreter["evaluate"]>;

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

/**
 * Parses the source of a template.
 *
 * @throws {Error} If it is no Jinja.
 */
export function parseJinja(source: string): JinjaTemplate {
  const program = parse(
    tokenize(rewriteGenerationBlocks(source), { lstrip_blocks: true, trim_blocks: true }),
  );
  const values = createJinjaValues();
  return {
    render(variables, { globals, marks }) {
      const environment = new Environment();
      for (const [name, value] of Object.entries(globals)) environment.set(name, value);
      for (const [name, value] of Object.entries(variables)) {
        if (value === undefined) continue;
        environment.setVariable(name, values.fromJson(value) as LibraryValue);
      }
      const messages = indexOfMessages(environment.variables.get("messages"));
      const interpreter = new ChatInterpreter(environment, { values, marks, messages });
      return String(interpreter.run(program).value);
    },
  };
}

/** Writes `generation` blocks as calls, which the library's parser keeps. */
function rewriteGenerationBlocks(source: string): string {
  return source
    .replace(/\{%([-+]?)\s*generation\s*([-+]?)%\}/g, `{%$1 call ${GENERATION}() $2%}`)
    .replace(/\{%([-+]?)\s*endgeneration\s*([-+]?)%\}/g, "{%$1 endcall $2%}");
}

/** Messages are told apart by identity: slices and reversed lists hold the same values. */
function indexOfMessages(messages: JinjaValue | undefined): ReadonlyMap<unknown, number> {
  const list: readonly unknown[] = Array.isArray(messages?.value) ? messages.value : [];
  return new Map(list.map((message, i) => [message, i]));
}

interface ChatInterpreterOptions {
  readonly values: JinjaValues;
  readonly marks: GenerationMarks;
  readonly messages: ReadonlyMap<unknown, number>;
}

class ChatInterpreter extends Interpreter {
  readonly #options: ChatInterpreterOptions;

  constructor(environment: Environment, options: ChatInterpreterOptions) {
    super(environment);
    this.#options = options;
  }

  override evaluate(statement: Statement, environment: Environment): LibraryValue {
    const own = this.#evaluateHere(statement as unknown as Node | undefined, environment);
    return own === undefined ? super.evaluate(statement, environment) : own as LibraryValue;
  }

  /** Evaluates the nodes that the library does not evaluate as needed; `undefined` for all others. */
  #evaluateHere(node: Node | undefined, environment: Environment): JinjaValue | undefined {
    switch (node?.type) {
      case "CallStatement":
        return node.call?.callee?.value === GENERATION
          ? this.#generation(node, environment)
          : undefined;
      case "CallExpression":
        return this.#strip(node, environment);
      case "BinaryExpression":
        return node.operator?.value === "+" ? this.#concatenate(node, environment) : undefined;
      case "FilterExpression":
        return this.#filter(node, environment);
      default:
        return undefined;
    }
  }

  #filter(node: Node, environment: Environment): JinjaValue | undefined {
    switch ((node.filter?.callee ?? node.filter)?.value) {
      case "tojson":
        return this.#toJson(node, environment);
      case "trim":
        return this.#stripped(node.operand, "strip", {
          characters: node.filter?.args?.[0],
          environment,
        });
      default:
        return undefined;
    }
  }

  #evaluate(node: Node | undefined, environment: Environment): JinjaValue {
    return this.evaluate(node as unknown as Statement, environment);
  }

  #generation(node: Node, environment: Environment): JinjaValue {
    const block = { type: "Program", body: node.body ?? [] };
    const printed = this.#evaluate(block, new Environment(environment));
    const { marks, values } = this.#options;
    const open = marks.open(this.#messageIn(environment));
    return values.text(`${open}${printed.value}${marks.close}`);
  }

  /** Returns the index of the message that a loop or a macro works on; its variable may have any name. */
  #messageIn(environment: Environment): number | undefined {
    for (let scope: Environment | undefined = environment; scope; scope = scope.parent) {
      for (const value of scope.variables.values()) {
        const index = this.#options.messages.get(value);
        if (index !== undefined) return index;
      }
    }
    return undefined;
  }

  /** Evaluates `text.strip(characters)`; `undefined` for every other call. */
  #strip(node: Node, environment: Environment): JinjaValue | undefined {
    const callee = node.callee;
    if (callee?.type !== "MemberExpression" || callee.computed) return undefined;
    const method = String(callee.property?.value);
    if (!Object.hasOwn(STRIP_SIDES, method)) return undefined;
    return this.#stripped(callee.object, method as StripMethod, {
      characters: node.args?.[0],
      environment,
    });
  }

  #stripped(
    operand: Node | undefined,
    method: StripMethod,
    { characters, environment }: {
      readonly characters: Node | undefined;
      readonly environment: Environment;
    },
  ): JinjaValue | undefined {
    const text = this.#evaluate(operand, environment);
    if (text.type !== "StringValue") return undefined;
    const set = characters && this.#evaluate(characters, environment);
    const given = set?.type === "StringValue" ? String(set.value) : undefined;
    return this.#options.values.text(pythonStrip(String(text.value), method, given));
  }

  /** Evaluates `a + b` if either is text. */
  #concatenate(node: Node, environment: Environment): JinjaValue | undefined {
    const left = this.#evaluate(node.left, environment);
    const right = this.#evaluate(node.right, environment);
    if (left.type === "StringValue" && right.type === "StringValue") {
      return this.#options.values.text(String(left.value) + String(right.value));
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
    return this.#options.values.text(escapes ? json.replace(/[\u007f-\uffff]/g, escapeUnit) : json);
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
