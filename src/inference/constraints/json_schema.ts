/**
 * JSON Schemas as grammars: every text of the grammar is JSON that is valid by the schema. Keys come in the order of the
 * schema. What a grammar cannot express is refused, never passed over.
 *
 * @module
 */

import type { JsonObject } from "../../utils/json.ts";
import {
  choice,
  type Grammar,
  type GrammarNode,
  invalidConstraint,
  literal,
  maybe,
  repeat,
  rule,
  sequence,
} from "./grammar.ts";
import { allOf, areDisjoint, checkKeywords, typesOf } from "./schema_keywords.ts";
import {
  asStringInside,
  BOOLEAN,
  bracketed,
  list,
  member,
  quoted,
  SPACE,
  STRING,
  STRING_CHARACTER,
  stringOtherThan,
  VALUE_RULE,
  valueRules,
} from "./json_text.ts";
import { integers, numbers } from "./number_ranges.ts";
import { parseRegex } from "./regex.ts";
import { stringFormat } from "./string_formats.ts";

/** A JSON Schema, or a part of one. */
export type Schema = boolean | JsonObject;

const ROOT = "json schema";

/** How deep schemas may refer to each other without adding to the text. */
const MAX_DEPTH = 64;

/**
 * Returns the grammar of a schema.
 *
 * @throws {InferenceError} If it is not a schema, or asks for what a grammar cannot express.
 */
export function parseJsonSchema(schema: unknown): Grammar {
  const rules = valueRules();
  rules.set(ROOT, new SchemaCompiler(schema, rules).compile(asSchema(schema, "it")));
  return { root: ROOT, rules };
}

class SchemaCompiler {
  readonly #root: unknown;
  readonly #rules: Map<string, GrammarNode>;
  readonly #refs = new Map<string, string>();
  #depth = 0;

  constructor(root: unknown, rules: Map<string, GrammarNode>) {
    this.#root = root;
    this.#rules = rules;
  }

  compile(schema: Schema): GrammarNode {
    if (schema === true) return rule(VALUE_RULE);
    if (schema === false) throw invalidConstraint("nothing is valid by its schema");
    if (++this.#depth > MAX_DEPTH) {
      throw invalidConstraint("its schema refers to itself without end");
    }
    try {
      return this.#compile(schema);
    } finally {
      this.#depth--;
    }
  }

  #compile(schema: JsonObject): GrammarNode {
    checkKeywords(schema);
    const { $ref, allOf: all, anyOf, oneOf, ...rest } = schema;
    if ($ref !== undefined) return this.#reference($ref, rest);
    if (all !== undefined) {
      const parts = schemas(all, "allOf").map((part) => this.#resolved(part));
      return this.compile(allOf([{ ...schema, allOf: undefined }, ...parts]));
    }
    const branches = anyOf ?? oneOf;
    if (branches !== undefined) {
      if (anyOf !== undefined && oneOf !== undefined) {
        throw invalidConstraint('its schema has both "anyOf" and "oneOf"');
      }
      const merged = schemas(branches, anyOf === undefined ? "oneOf" : "anyOf")
        .map((branch) => allOf([rest, this.#resolved(branch)]));
      if (oneOf !== undefined && !areDisjoint(merged)) {
        throw invalidConstraint(
          'its schema has "oneOf" of what may be valid by several; use "anyOf"',
        );
      }
      return this.#anyOf(merged);
    }
    if ("const" in schema) return this.#values([schema.const], schema);
    if (schema.enum !== undefined) {
      if (!Array.isArray(schema.enum)) {
        throw invalidConstraint('"enum" of its schema must be a list');
      }
      return this.#values(schema.enum, schema);
    }
    const types = typesOf(schema);
    if (types === undefined) return rule(VALUE_RULE);
    return choice(...types.map((type) => this.#type(type, schema)));
  }

  #anyOf(branches: readonly Schema[]): GrammarNode {
    const possible = branches.filter((branch) => branch !== false);
    if (possible.length === 0) throw invalidConstraint("nothing is valid by its schema");
    return choice(...possible.map((branch) => this.compile(branch)));
  }

  /** Values that are listed, of the types that the schema allows. */
  #values(values: readonly unknown[], schema: JsonObject): GrammarNode {
    const types = typesOf({ type: schema.type });
    const fitting = values.filter((value) =>
      types === undefined || types.some((type) => isOfType(value, type))
    );
    if (fitting.length === 0) throw invalidConstraint("nothing is valid by its schema");
    const others = Object.keys(schema).filter((key) =>
      !["const", "enum", "type", "items", "properties", "required", "additionalProperties"]
        .includes(key) &&
      schema[key] !== undefined && typesOf({ [key]: schema[key] }) !== undefined
    );
    if (others.length > 0) {
      throw invalidConstraint(`its schema has "enum" or "const" together with "${others[0]}"`);
    }
    return choice(...fitting.map((value) => literal(JSON.stringify(value))));
  }

  #reference($ref: unknown, rest: JsonObject): GrammarNode {
    if (typeof $ref !== "string") throw invalidConstraint('"$ref" of its schema must be a text');
    const siblings = Object.keys(rest).filter((key) => !["$defs", "definitions"].includes(key));
    const limits = siblings.some((key) =>
      typesOf({ [key]: rest[key] }) !== undefined || "enum const".includes(key)
    );
    if (limits) return this.compile(allOf([rest, this.#resolved({ $ref })]));
    const known = this.#refs.get($ref);
    if (known !== undefined) return rule(known);
    const name = `json ${$ref}`;
    this.#refs.set($ref, name);
    const outer = this.#depth;
    this.#depth = 0;
    this.#rules.set(name, this.compile(this.#find($ref)));
    this.#depth = outer;
    return rule(name);
  }

  /** What a schema refers to, in its place. */
  #resolved(schema: Schema): Schema {
    let found = schema;
    for (let i = 0; i < MAX_DEPTH; i++) {
      if (typeof found === "boolean" || typeof found.$ref !== "string") return found;
      const { $ref, ...rest } = found;
      found = allOf([rest, this.#find($ref as string)]);
    }
    throw invalidConstraint("its schema refers to itself without end");
  }

  #find(reference: string): Schema {
    if (!/^#(\/|$)/.test(reference)) {
      throw invalidConstraint(`its schema refers to "${reference}", which is not inside of it`);
    }
    const path = reference.slice(1).split("/").slice(1).map((part) =>
      decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")
    );
    let found: unknown = this.#root;
    for (const key of path) {
      found = typeof found === "object" && found !== null && Object.hasOwn(found, key)
        ? (found as JsonObject)[key]
        : undefined;
    }
    if (found === undefined) {
      throw invalidConstraint(`its schema refers to "${reference}", which is not there`);
    }
    return asSchema(found, reference);
  }

  #type(type: string, schema: JsonObject): GrammarNode {
    switch (type) {
      case "null":
        return literal("null");
      case "boolean":
        return BOOLEAN;
      case "integer":
        return integers(schema);
      case "number":
        return numbers(schema);
      case "string":
        return this.#string(schema);
      case "array":
        return this.#array(schema);
      default:
        return this.#object(schema);
    }
  }

  #string({ minLength, maxLength, pattern, format }: JsonObject): GrammarNode {
    const hasLength = minLength !== undefined || maxLength !== undefined;
    const shape = typeof format === "string" ? stringFormat(format) : undefined;
    if ([hasLength, pattern !== undefined, shape !== undefined].filter(Boolean).length > 1) {
      throw invalidConstraint(
        'its schema has several of "pattern", "format" and a length for one text',
      );
    }
    if (shape !== undefined) return quoted(asStringInside(shape));
    if (pattern !== undefined) {
      if (typeof pattern !== "string") {
        throw invalidConstraint('"pattern" of its schema must be a text');
      }
      return quoted(asStringInside(parseRegex(pattern, { search: true })));
    }
    if (!hasLength) return STRING;
    const min = count(minLength, "minLength", 0);
    const max = count(maxLength, "maxLength", Infinity);
    if (max < min) throw invalidConstraint('its schema has a "maxLength" below its "minLength"');
    return quoted(repeat(STRING_CHARACTER, min, max));
  }

  #array(schema: JsonObject): GrammarNode {
    const min = count(schema.minItems, "minItems", 0);
    const given = count(schema.maxItems, "maxItems", Infinity);
    if (schema.uniqueItems === true && given > 1) {
      throw invalidConstraint('its schema has "uniqueItems", which a grammar cannot express');
    }
    const tuple = schema.prefixItems === undefined
      ? []
      : schemas(schema.prefixItems, "prefixItems");
    const items = asSchema(schema.items ?? true, "items");
    const max = items === false ? Math.min(given, tuple.length) : given;
    if (max < min) throw invalidConstraint("no list has as many items as its schema asks for");
    const item = (node: GrammarNode) => sequence(node, SPACE);
    const first = tuple.slice(0, max).map((one) => item(this.compile(one)));
    if (max === 0) return bracketed("[]", literal(""));
    const other = max > first.length ? item(this.compile(items)) : literal("");
    const [head, ...tail] = first;
    if (head === undefined) return bracketed("[]", list(other, min, max));
    const comma = sequence(literal(","), SPACE);
    let rest = repeat(sequence(comma, other), Math.max(0, min - first.length), max - first.length);
    for (let i = tail.length - 1; i >= 0; i--) {
      const more = sequence(comma, tail[i]!, rest);
      rest = i + 1 < min ? more : maybe(more);
    }
    const all = sequence(head, rest);
    return bracketed("[]", min === 0 ? maybe(all) : all);
  }

  #object(schema: JsonObject): GrammarNode {
    const properties = objectOf(schema.properties, "properties");
    const required = new Set(namesOf(schema.required));
    const additional = asSchema(schema.additionalProperties ?? true, "additionalProperties");
    const declared = new Map(
      Object.entries(properties).map((
        [name, value],
      ) => [name, asSchema(value, `properties.${name}`)]),
    );
    for (const name of required) if (!declared.has(name)) declared.set(name, additional);
    const isOpen = additional !== false;
    const min = count(schema.minProperties, "minProperties", 0);
    const max = count(schema.maxProperties, "maxProperties", Infinity);
    if (min > required.size || max < (isOpen ? Infinity : declared.size)) {
      throw invalidConstraint(
        'its schema has "minProperties" or "maxProperties", which are not supported',
      );
    }
    const members = [...declared].flatMap(([name, value]) => {
      if (value === false && !required.has(name)) return []; // it must not be there
      return [{
        node: sequence(member(literal(JSON.stringify(name)), this.compile(value)), SPACE),
        isRequired: required.has(name),
      }];
    });
    const more = isOpen
      ? sequence(member(stringOtherThan([...declared.keys()]), this.compile(additional)), SPACE)
      : undefined;
    return bracketed("{}", this.#members(members, more));
  }

  /** Members in order, of which some may be left out, then others. A rule for each rest keeps this small. */
  #members(
    members: readonly { readonly node: GrammarNode; readonly isRequired: boolean }[],
    more: GrammarNode | undefined,
  ): GrammarNode {
    const comma = sequence(literal(","), SPACE);
    let afterOthers = more === undefined ? literal("") : repeat(sequence(comma, more), 0, Infinity);
    let atBeginning = more === undefined ? literal("") : list(more, 0, Infinity);
    for (const { node, isRequired } of members.toReversed()) {
      const with_ = this.#rule(sequence(node, afterOthers));
      const [skipAfter, skipFirst] = [afterOthers, atBeginning];
      afterOthers = this.#rule(
        isRequired ? sequence(comma, with_) : choice(sequence(comma, with_), skipAfter),
      );
      atBeginning = this.#rule(isRequired ? with_ : choice(with_, skipFirst));
    }
    return atBeginning;
  }

  #rule(node: GrammarNode): GrammarNode {
    const name = `json part ${this.#rules.size}`;
    this.#rules.set(name, node);
    return rule(name);
  }
}

const IS_OF_TYPE: Readonly<Record<string, (value: unknown) => boolean>> = {
  null: (value) => value === null,
  array: Array.isArray,
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  integer: Number.isInteger,
  number: (value) => typeof value === "number",
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
};

function isOfType(value: unknown, type: string): boolean {
  return IS_OF_TYPE[type]?.(value) ?? false;
}

function asSchema(value: unknown, place: string): Schema {
  if (typeof value === "boolean") return value;
  return objectOf(value, place);
}

function schemas(value: unknown, place: string): Schema[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw invalidConstraint(`"${place}" of its schema must be a list that is not empty`);
  }
  return value.map((one) => asSchema(one, place));
}

function objectOf(value: unknown, place: string): JsonObject {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalidConstraint(`its schema must have an object at "${place}"`);
  }
  return value as JsonObject;
}

function namesOf(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.some((name) => typeof name !== "string")) {
    throw invalidConstraint('"required" of its schema must be a list of names');
  }
  return value;
}

function count(value: unknown, place: string, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 10_000) {
    throw invalidConstraint(`"${place}" of its schema must be an integer from 0 to 10000`);
  }
  return value;
}
