/**
 * The keywords of JSON Schema: which there are, what they are about, and how two schemas become one.
 *
 * @module
 */

import type { JsonObject } from "../../utils/json.ts";
import { invalidConstraint } from "./grammar.ts";
import type { Schema } from "./json_schema.ts";

const TYPES = ["object", "array", "string", "number", "integer", "boolean", "null"] as const;

/** What each keyword is about: values of a type, all of them, or nothing that must hold. */
const KEYWORDS: Readonly<Record<string, (typeof TYPES)[number] | "any" | "nothing">> = {
  type: "any",
  enum: "any",
  const: "any",
  anyOf: "any",
  oneOf: "any",
  allOf: "any",
  $ref: "any",
  properties: "object",
  required: "object",
  additionalProperties: "object",
  minProperties: "object",
  maxProperties: "object",
  items: "array",
  prefixItems: "array",
  minItems: "array",
  maxItems: "array",
  uniqueItems: "array",
  minLength: "string",
  maxLength: "string",
  pattern: "string",
  format: "string",
  minimum: "number",
  maximum: "number",
  exclusiveMinimum: "number",
  exclusiveMaximum: "number",
  $defs: "nothing",
  definitions: "nothing",
  $schema: "nothing",
  $id: "nothing",
  $comment: "nothing",
  title: "nothing",
  description: "nothing",
  default: "nothing",
  example: "nothing",
  examples: "nothing",
  deprecated: "nothing",
  readOnly: "nothing",
  writeOnly: "nothing",
  discriminator: "nothing",
  strict: "nothing",
};

const NUMBERS = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];

/**
 * Checks that everything in a schema is understood.
 *
 * @throws {InferenceError} If a keyword is not supported.
 */
export function checkKeywords(schema: JsonObject): void {
  for (const [key, value] of Object.entries(schema)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(KEYWORDS, key)) {
      throw invalidConstraint(`its schema has "${key}", which is not supported`);
    }
    if (NUMBERS.includes(key) && !Number.isFinite(value)) {
      throw invalidConstraint(`"${key}" of its schema must be a number`);
    }
  }
}

/** Returns the types that a schema allows, by what it says of them; `undefined` for any. */
export function typesOf(schema: JsonObject): readonly string[] | undefined {
  if (schema.type !== undefined) {
    const types: unknown[] = [schema.type].flat();
    const unknown = types.find((type) => !TYPES.some((known) => known === type));
    if (unknown !== undefined || types.length === 0) {
      throw invalidConstraint(
        `its schema has the type ${JSON.stringify(unknown)}, which does not exist`,
      );
    }
    return [...new Set(types.map(String))].filter((type) =>
      type !== "integer" || !types.includes("number")
    );
  }
  const about = Object.keys(schema).filter((key) => schema[key] !== undefined)
    .map((key) => KEYWORDS[key] ?? "nothing").filter((type) =>
      type !== "any" && type !== "nothing"
    );
  // what is said of one type leaves all others open; a model is better led to that type
  return about.length === 0 ? undefined : [...new Set(about)];
}

/**
 * Returns the schema of what is valid by all of these.
 *
 * @throws {InferenceError} If they cannot be joined.
 */
export function allOf(parts: readonly Schema[]): Schema {
  let joined: Record<string, unknown> = {};
  for (const part of parts) {
    if (part === false) return false;
    if (part === true) continue;
    checkKeywords(part);
    joined = { ...joined };
    for (const [key, value] of Object.entries(part)) {
      if (value === undefined || KEYWORDS[key] === "nothing") continue;
      const before = joined[key];
      joined[key] = before === undefined ? value : join(key, before, value);
    }
    const types = joined.type;
    if (Array.isArray(types) && types.length === 0) return false;
  }
  return closed(joined, parts);
}

/** With `additionalProperties: false` a part forbids what only others declare. */
function closed(joined: JsonObject, parts: readonly Schema[]): JsonObject {
  const objects = parts.filter((part): part is JsonObject => typeof part === "object");
  const strict = objects.filter((part) =>
    ![undefined, true].includes(part.additionalProperties as undefined)
  );
  const names = (part: JsonObject) => Object.keys((part.properties ?? {}) as JsonObject);
  const all = new Set(objects.flatMap(names));
  const isSame = strict.every((part) => names(part).length === all.size);
  if (strict.length > 0 && objects.some((part) => names(part).length > 0) && !isSame) {
    throw invalidConstraint(
      'its schema joins properties with a part that has "additionalProperties"',
    );
  }
  return joined;
}

function join(key: string, a: unknown, b: unknown): unknown {
  if (JSON.stringify(a) === JSON.stringify(b)) return a;
  switch (key) {
    case "type": {
      const types = (value: unknown) =>
        [value].flat().flatMap((type) => type === "number" ? ["number", "integer"] : [type]);
      const both = types(a).filter((type) => types(b).includes(type));
      return both.includes("number") ? both.filter((type) => type !== "integer") : both;
    }
    case "required":
      return [...new Set([a, b].flat())];
    case "properties": {
      const [left, right] = [a as JsonObject, b as JsonObject];
      const names = new Set([...Object.keys(left), ...Object.keys(right)]);
      return Object.fromEntries(
        [...names].map((name) => [
          name,
          left[name] === undefined
            ? right[name]
            : right[name] === undefined
            ? left[name]
            : { allOf: [left[name], right[name]] },
        ]),
      );
    }
    case "items":
      return { allOf: [a, b] };
    case "minimum":
    case "exclusiveMinimum":
    case "minLength":
    case "minItems":
      return Math.max(Number(a), Number(b));
    case "maximum":
    case "exclusiveMaximum":
    case "maxLength":
    case "maxItems":
      return Math.min(Number(a), Number(b));
    case "enum":
      return (a as unknown[]).filter((one) =>
        (b as unknown[]).some((other) => JSON.stringify(one) === JSON.stringify(other))
      );
    case "additionalProperties":
      if (a === false || b === false) return false;
  }
  throw invalidConstraint(`its schema has two "${key}" for one value, which are not supported`);
}

/** Whether no value can be valid by two of the schemas, as far as types and constants tell. */
export function areDisjoint(schemas: readonly Schema[]): boolean {
  const possible = schemas.filter((schema) => schema !== false);
  return possible.every((a, i) => possible.slice(i + 1).every((b) => areApart(a, b)));
}

function areApart(a: Schema, b: Schema): boolean {
  if (typeof a === "boolean" || typeof b === "boolean") return a === false || b === false;
  const [values, others] = [constants(a), constants(b)];
  if (values !== undefined && others !== undefined) {
    return !values.some((one) => others.includes(one));
  }
  const [types, otherTypes] = [typesOf({ type: a.type }), typesOf({ type: b.type })];
  if (types === undefined || otherTypes === undefined) return false;
  const numeric = (type: string) => type === "integer" ? "number" : type;
  const common = types.map(numeric).filter((type) => otherTypes.map(numeric).includes(type));
  if (common.length === 0) return true;
  if (common.length > 1 || common[0] !== "object") return false;
  const required = [a.required, b.required].map((names) => Array.isArray(names) ? names : []);
  return required[0]!.some((name) => {
    if (!required[1]!.includes(name)) return false;
    const [left, right] = [a, b].map((schema) =>
      (schema.properties as JsonObject | undefined)?.[String(name)]
    );
    return typeof left === "object" && typeof right === "object" &&
      areApart(left as JsonObject, right as JsonObject);
  });
}

function constants(schema: JsonObject): readonly string[] | undefined {
  if ("const" in schema) return [JSON.stringify(schema.const)];
  return Array.isArray(schema.enum) ? schema.enum.map((one) => JSON.stringify(one)) : undefined;
}
