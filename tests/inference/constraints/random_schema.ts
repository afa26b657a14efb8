/**
 * Random JSON Schemas, of everything that grammars can express.
 *
 * @module
 */

import { createRandom, type Random } from "../../../src/utils/random.ts";

type Json = Record<string, unknown>;

/** Returns a random schema; the same seed gives the same one. */
export function randomSchema(seed: number): Json {
  const random = createRandom(seed);
  const $defs = { node: tree(), leaf: scalar(random) };
  const schema = random.integer(8) === 0 ? { $ref: "#/$defs/node" } : object(random, 3);
  return JSON.stringify(schema).includes("$ref") ? { ...schema, $defs } : schema;
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.integer(items.length)]!;
}

const NAMES = ["a", "ab", "name", "size", "x y", 'q"q', "b\\s", "id", "", "items"];

function tree(): Json {
  return {
    type: "object",
    properties: {
      value: { type: ["integer", "null"] },
      children: { type: "array", items: { $ref: "#/$defs/node" }, maxItems: 2 },
    },
    required: ["value"],
    additionalProperties: false,
  };
}

function object(random: Random, depth: number): Json {
  const names = NAMES.filter(() => random.integer(3) === 0);
  return {
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name, any(random, depth - 1)])),
    required: names.filter(() => random.integer(2) === 0),
    ...pick<Json>(random, [
      {},
      { additionalProperties: false },
      { additionalProperties: false },
      { additionalProperties: scalar(random) },
    ]),
  };
}

function any(random: Random, depth: number): Json {
  if (depth <= 0) return scalar(random);
  switch (random.integer(8)) {
    case 0:
    case 1:
      return object(random, depth);
    case 2:
      return {
        type: "array",
        items: any(random, depth - 1),
        minItems: random.integer(3),
        ...pick<Json>(random, [{}, { maxItems: 2 + random.integer(3) }]),
      };
    case 3:
      return {
        type: "array",
        prefixItems: [scalar(random), any(random, depth - 1)],
        minItems: random.integer(3),
        ...pick<Json>(random, [{ items: false }, { items: scalar(random), maxItems: 4 }]),
      };
    case 4:
      return { anyOf: [any(random, depth - 1), scalar(random)] };
    case 5:
      return {
        oneOf: [
          tagged(random, "one", depth - 1),
          tagged(random, "two", depth - 1),
          { type: "string", enum: ["three"] },
        ],
      };
    case 6:
      return {
        allOf: [
          { type: "object", properties: { a: any(random, depth - 1) }, required: ["a"] },
          { properties: { b: scalar(random) }, required: ["b"] },
        ],
      };
    default:
      return { $ref: pick(random, ["#/$defs/node", "#/$defs/leaf"]) };
  }
}

function tagged(random: Random, tag: string, depth: number): Json {
  return {
    type: "object",
    properties: { tag: { const: tag }, value: any(random, depth) },
    required: ["tag", "value"],
    additionalProperties: false,
  };
}

function scalar(random: Random): Json {
  const low = random.integer(2000) - 1000;
  const high = low + random.integer(500);
  const bounds = pick<Json>(random, [
    {},
    { minimum: low },
    { maximum: high },
    { minimum: low, maximum: high },
    { exclusiveMinimum: low, exclusiveMaximum: high + 2 },
    { minimum: low + 0.25, maximum: high + 1.5 },
  ]);
  return pick<Json>(random, [
    { type: "string" },
    { type: "string", minLength: random.integer(4), maxLength: 4 + random.integer(8) },
    {
      type: "string",
      pattern: pick(random, ["^[A-Z]{2,4}$", "^a+(b|cd)*$", "x[0-9]", '^["\\\\]\\w?$']),
    },
    {
      type: "string",
      format: pick(random, [
        "date",
        "date-time",
        "time",
        "uuid",
        "ipv4",
        "email",
        "uri",
        "hostname",
        "duration",
      ]),
    },
    { enum: ["red", 1, null, true, { a: [1] }, 'o"'] },
    { const: pick<unknown>(random, ["fixed", 3, [1, 2], null]) },
    { type: "integer", ...bounds },
    { type: "number", ...bounds },
    { type: "number", minimum: 0.1, maximum: 0.9 },
    { type: "boolean" },
    { type: "null" },
    { type: ["string", "null"] },
    {},
  ]);
}
