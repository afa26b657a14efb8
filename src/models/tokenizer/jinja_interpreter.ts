/**
 * `@huggingface/jinja` with what chat templates need beyond it:
 *
 * - `generation` blocks, which the library drops, mark what they print;
 * - `strip`, `lstrip`, `rstrip` and `trim` take the characters to strip, and Python's white space for such;
 * - text and something that is no text cannot be added, as in Python;
 * - what is printed is written as Python writes it, and `tojson` writes floats as floats;
 * - loops go through texts and undefined values, `format` fills in, and there are `index`, `min` and `max`.
 *
 * @module
 */

import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import { dumpJson } from "./jinja_json.ts";
import { markPrinted, PRINTED, VALUE } from "./jinja_nodes.ts";
import type { JinjaNode as Node } from "./jinja_nodes.ts";
import { createJinjaValues, type JinjaValue, type JinjaValues } from "./jinja_values.ts";
import { pythonText } from "./python_text.ts";
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

/** Options of {@linkcode parseJinja}. */
export interface ParseJinjaOptions {
  /** Drop the line break after a block and the blanks before it, as chat templates have it. @default {true} */
  readonly trimBlocks?: boolean;
}

/** Name of the macro that stands for a `generation` block. */
const GENERATION = "generation_block";

/**
 * Parses the source of a template.
 *
 * @throws {Error} If it is no Jinja.
 */
export function parseJinja(source: string, options: ParseJinjaOptions = {}): JinjaTemplate {
  const { trimBlocks = true } = options;
  const program = parse(
    tokenize(rewriteGenerationBlocks(source), {
      lstrip_blocks: trimBlocks,
      trim_blocks: trimBlocks,
    }),
  );
  markPrinted(program as unknown as Node);
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
      case VALUE:
        return node.value as JinjaValue;
      case PRINTED:
        return this.#options.values.text(pythonText(this.#evaluate(node.operand, environment)));
      case "CallStatement":
        return node.call?.callee?.value === GENERATION
          ? this.#generation(node, environment)
          : undefined;
      case "For":
        return this.#for(node, environment);
      case "CallExpression":
        return this.#callMethod(node, environment);
      case "BinaryExpression":
        return this.#binary(node, environment);
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
        return this.#stripped(this.#evaluate(node.operand, environment), "strip", {
          node: node.filter,
          environment,
        });
      case "string":
        return this.#options.values.text(pythonText(this.#evaluate(node.operand, environment)));
      case "list": {
        const list = this.#evaluate(node.operand, environment);
        return list.type === "StringValue" ? this.#options.values.iterable(list) : undefined;
      }
      case "min":
      case "max":
        return this.#extreme(node, environment);
      case "selectattr":
      case "rejectattr": {
        const list = this.#evaluate(node.operand, environment);
        // letters have no attributes, and nothing is selected from nothing
        return Array.isArray(list.value) ? undefined : this.#options.values.fromJson([]);
      }
      default:
        return undefined;
    }
  }

  /** Evaluates `list | min` and `list | max` of numbers or texts. */
  #extreme(node: Node, environment: Environment): JinjaValue | undefined {
    const list = this.#evaluate(node.operand, environment).value;
    if (!Array.isArray(list)) return undefined;
    const sign = (node.filter?.callee ?? node.filter)?.value === "min" ? 1 : -1;
    const order = (a: JinjaValue, b: JinjaValue): number =>
      a.value! < b.value! ? -sign : a.value! > b.value! ? sign : 0;
    return (list as readonly JinjaValue[]).toSorted(order)[0];
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

  /** Goes through texts, undefined values and lists of tuples, too. */
  #for(node: Node, environment: Environment): JinjaValue {
    const select = node.iterable?.type === "SelectExpression" ? node.iterable : undefined;
    const list = this.#evaluate(select?.lhs ?? node.iterable, environment);
    const value = { type: VALUE, value: this.#options.values.iterable(list) };
    const iterable = select === undefined ? value : { ...select, lhs: value };
    return super.evaluate({ ...node, iterable } as unknown as Statement, environment);
  }

  /** Evaluates `text.strip(characters)` and the like; `undefined` for every other call. */
  #callMethod(node: Node, environment: Environment): JinjaValue | undefined {
    const callee = node.callee;
    if (callee?.type !== "MemberExpression" || callee.computed) return undefined;
    const method = String(callee.property?.value);
    const strips = Object.hasOwn(STRIP_SIDES, method);
    if (!strips && method !== "format" && method !== "index") return undefined;
    const text = this.#evaluate(callee.object, environment);
    if (method === "index") return this.#indexOf(text, { node, environment });
    if (text.type !== "StringValue") return undefined;
    if (strips) return this.#stripped(text, method as StripMethod, { node, environment });
    const parts = (node.args ?? []).map((part) => pythonText(this.#evaluate(part, environment)));
    const filled = String(text.value).replace(/\{\}/g, () => parts.shift() ?? "");
    return this.#options.values.text(filled);
  }

  /** Evaluates `list.index(item)` and `text.index(part)`. */
  #indexOf(
    list: JinjaValue,
    { node, environment }: { readonly node: Node; readonly environment: Environment },
  ): JinjaValue | undefined {
    const item = node.args?.[0] && this.#evaluate(node.args[0], environment);
    if (item === undefined) return undefined;
    const at = Array.isArray(list.value)
      ? list.value.findIndex(({ value }) => value === item.value)
      : list.type === "StringValue"
      ? String(list.value).indexOf(String(item.value))
      : undefined;
    if (at === -1) throw new RangeError(`${pythonText(item)} is not in ${pythonText(list)}`);
    return at === undefined ? undefined : this.#options.values.fromJson(at);
  }

  /** Strips the text of a value; the first argument of `node`, if there is one, has the characters. */
  #stripped(
    value: JinjaValue,
    method: StripMethod,
    { node, environment }: { readonly node: Node | undefined; readonly environment: Environment },
  ): JinjaValue {
    const characters = node?.args?.[0] && this.#evaluate(node.args[0], environment);
    const given = characters?.type === "StringValue" ? String(characters.value) : undefined;
    return this.#options.values.text(pythonStrip(pythonText(value), method, given));
  }

  /** Evaluates `a + b` if either is text, `a ~ b`, and `a in b` if `a` is nothing. */
  #binary(node: Node, environment: Environment): JinjaValue | undefined {
    const operator = node.operator?.value;
    if (operator !== "+" && operator !== "~" && operator !== "in" && operator !== "not in") {
      return undefined;
    }
    const { values } = this.#options;
    const left = this.#evaluate(node.left, environment);
    const right = this.#evaluate(node.right, environment);
    if (operator === "~") return values.text(pythonText(left) + pythonText(right));
    if (operator !== "+") {
      const isNothing = left.type === "UndefinedValue" || left.type === "NullValue";
      if (!isNothing || !Array.isArray(right.value)) return undefined;
      const isIn = right.value.some(({ type }) => type === left.type);
      return values.fromJson(isIn === (operator === "in"));
    }
    if (left.type === "StringValue" && right.type === "StringValue") {
      return values.text(String(left.value) + String(right.value));
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
    return this.#options.values.text(dumpJson(this.#evaluate(node.operand, environment), {
      indent: typeof indent === "number" ? indent : undefined,
      item: item!,
      key: key!,
      sortKeys: options.get("sort_keys")?.value === true,
      ensureAscii: options.get("ensure_ascii")?.value === true,
    }));
  }
}
