import assert from "node:assert/strict";
import { Automaton, NOWHERE } from "../../../src/inference/constraints/automaton.ts";
import { parseGbnf } from "../../../src/inference/constraints/gbnf.ts";
import type { Grammar } from "../../../src/inference/constraints/grammar.ts";
import { parseJsonSchema } from "../../../src/inference/constraints/json_schema.ts";
import { integers } from "../../../src/inference/constraints/number_ranges.ts";
import { compileProgram } from "../../../src/inference/constraints/program.ts";
import { parseRegex } from "../../../src/inference/constraints/regex.ts";
import { readTokenBytes } from "../../../src/inference/constraints/token_bytes.ts";
import { utf8Ranges } from "../../../src/inference/constraints/utf8_ranges.ts";
import { InferenceError } from "../../../src/inference/inference_error.ts";
import { createRandom, type Random } from "../../../src/utils/random.ts";
import {
  GOLDEN_TOKENIZERS,
  openGoldenTokenizer,
} from "../../models/tokenizer/golden_tokenizers.ts";
import { sharedData, testWithData } from "../../shared_data.ts";

const alphabet = new Uint8Array(256).fill(1);

function automatonOf(grammar: Grammar): Automaton {
  return new Automaton(compileProgram(grammar, { alphabet }));
}

function accepts(automaton: Automaton, text: string): boolean {
  let at = automaton.start.index;
  for (const byte of new TextEncoder().encode(text)) {
    at = automaton.step(at, byte);
    if (at === NOWHERE) return false;
  }
  return automaton.state(at).canEnd;
}

/** A text that the grammar lets through, by a walk at random. */
function walk(automaton: Automaton, random: Random): string {
  const bytes: number[] = [];
  let at = automaton.start.index;
  while (!(automaton.state(at).canEnd && (random.integer(4) === 0 || bytes.length > 40))) {
    const ways = Array.from({ length: 256 }, (_, byte) => byte)
      .filter((byte) => automaton.step(at, byte) !== NOWHERE);
    if (ways.length === 0) break;
    const distance = (byte: number) => automaton.state(automaton.step(at, byte)).distance;
    const byte = bytes.length > 40
      ? ways.toSorted((a, b) => distance(a) - distance(b))[0]!
      : ways[random.integer(ways.length)]!;
    bytes.push(byte);
    at = automaton.step(at, byte);
  }
  return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes));
}

const regex = (source: string, search = false): Grammar => ({
  root: "r",
  rules: new Map([["r", parseRegex(source, { search })]]),
});

const EXPRESSIONS = [
  "a*b+c?",
  "(foo|ba[rz])+",
  "[^\\W\\d_]{2,5}",
  "\\d{4}-\\d\\d-\\d\\d",
  "x{0}y{3,}",
  "(?:ä|ö|ü|😀)+[α-ω]*",
  "[\\-\\]\\\\a-c-]+",
  "\\u0041\\x42\\t\\.",
  "(?<year>19|20)\\d\\d",
  "a|b|",
  "\\S+\\s\\S+",
  ".{1,3}",
  "[\\u{1F600}-\\u{1F64F}]",
];

Deno.test("parseRegex() lets through what JavaScript's expressions match, and nothing else", () => {
  const random = createRandom(1);
  for (const source of EXPRESSIONS) {
    const expected = new RegExp(`^(?:${source})$`, "u");
    const automaton = automatonOf(regex(source));
    for (let i = 0; i < 60; i++) {
      const text = walk(automaton, random);
      assert.match(text, expected);
      // what differs a little is let through if it matches too
      const at = random.integer(text.length + 1);
      const other = text.slice(0, at) + "ab0-ä".charAt(random.integer(6)) + text.slice(at + 1);
      if (other.isWellFormed()) {
        assert.equal(
          accepts(automaton, other),
          expected.test(other),
          `${source}: ${JSON.stringify(other)}`,
        );
      }
    }
  }
});

Deno.test("parseRegex() searches where asked for", () => {
  const automaton = automatonOf(regex("b+|^c$", true));
  for (const text of ["b", "abba", "c"]) assert.ok(accepts(automaton, text), text);
  for (const text of ["", "a", "cc"]) assert.ok(!accepts(automaton, text), text);
});

Deno.test("parseRegex() refuses what it cannot follow", () => {
  for (
    const source of [
      "(?=a)",
      "(?<!a)b",
      "a\\b",
      "(a)\\1",
      "[a",
      "(a",
      "a)",
      "*",
      "a{3,1}",
      "a**",
      "\\p{L}",
      "a{99999}",
    ]
  ) {
    assert.throws(() => parseRegex(source), InferenceError, source);
  }
});

Deno.test("utf8Ranges() spells every code point of a range and no other", () => {
  const random = createRandom(2);
  const edges = [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff];
  for (let i = 0; i < 200; i++) {
    const pick = () =>
      random.integer(2) === 0 ? edges[random.integer(edges.length)]! : random.integer(0x110000);
    const [from, to] = [pick(), pick()].toSorted((a, b) => a - b) as [number, number];
    const ranges = utf8Ranges([from, to]);
    const spells = (point: number) => {
      const bytes = new TextEncoder().encode(String.fromCodePoint(point));
      return ranges.filter((range) =>
        range.length === bytes.length &&
        range.every(([low, high], k) => low <= bytes[k]! && bytes[k]! <= high)
      ).length;
    };
    for (const point of [from, to, from - 1, to + 1, pick(), pick(), Math.floor((from + to) / 2)]) {
      if (point < 0 || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) continue;
      assert.equal(spells(point), point >= from && point <= to ? 1 : 0, `${from}-${to}: ${point}`);
    }
  }
});

Deno.test("integers() lets through the integers between its bounds", () => {
  const random = createRandom(3);
  for (let i = 0; i < 60; i++) {
    const low = random.integer(3000) - 1500;
    const high = low + random.integer(1200);
    const automaton = automatonOf({
      root: "r",
      rules: new Map([["r", integers({ minimum: low, maximum: high })]]),
    });
    for (let value = low - 12; value <= high + 12; value++) {
      assert.equal(
        accepts(automaton, String(value)),
        value >= low && value <= high,
        `${value} in ${low}..${high}`,
      );
    }
    assert.ok(!accepts(automaton, "00"));
  }
});

Deno.test("parseGbnf() reads llama.cpp's grammars", () => {
  const automaton = automatonOf(parseGbnf(String.raw`
    # sums
    root ::= expr ("=" ws number)? "\n"
    expr ::= term ([-+*/] term)*   # no precedence
    term ::= number
           | "(" ws expr ")" ws
    number ::= [0-9]{1,3} ws
    ws ::= [ \t]{0,2}
  `));
  for (const text of ["1\n", "(1+2) *33=99\n", "((7))\n", "1 -2\t= 3\n"]) {
    assert.ok(accepts(automaton, text), text);
  }
  for (const text of ["", "1", "1+\n", "(1\n", "1234\n", "=1\n", "1   \n"]) {
    assert.ok(!accepts(automaton, text), text);
  }
  const other = automatonOf(parseGbnf('root ::= [^a-z"]+ | "\\u00e4\\x41" .'));
  for (const text of ["AB", "ÄÖ", "äA😀"]) assert.ok(accepts(other, text), text);
  for (const text of ["a", "äa", '"']) assert.ok(!accepts(other, text), text);
});

Deno.test("parseGbnf() names what is wrong and where; rules that begin with themselves are refused", () => {
  assert.throws(() => parseGbnf("start ::= a"), /no rule "root"/);
  assert.throws(() => parseGbnf('root ::= "a\nb'), /line 1/);
  assert.throws(() => parseGbnf("root = a"), /"::="/);
  assert.throws(() => automatonOf(parseGbnf("root ::= missing")), /no rule "missing"/);
  assert.throws(() => automatonOf(parseGbnf('root ::= root "a" | "b"')), InferenceError);
  assert.throws(() => automatonOf(parseGbnf('root ::= "a" root')), /no text is like this/);
});

Deno.test("parseJsonSchema() refuses what a grammar cannot express and names it", () => {
  const refused = {
    not: { not: {} },
    multipleOf: { type: "integer", multipleOf: 3 },
    patternProperties: { type: "object", patternProperties: {} },
    uniqueItems: { type: "array", items: {}, uniqueItems: true },
    oneOf: { oneOf: [{ type: "string" }, { type: "string", maxLength: 3 }] },
    elsewhere: { $ref: "http://elsewhere/schema" },
    itself: { $ref: "#" },
    "not there": { $ref: "#/$defs/none" },
    type: { type: "text" },
    nothing: { type: "object", required: ["a"], additionalProperties: false },
    maxProperties: { type: "object", maxProperties: 1 },
  };
  for (const [name, schema] of Object.entries(refused)) {
    assert.throws(() => automatonOf(parseJsonSchema(schema)), InferenceError, name);
  }
});

for (const name of GOLDEN_TOKENIZERS) {
  testWithData(
    `readTokenBytes() says what each token of ${name} adds to a text`,
    { data: `tokenizers/${name}` },
    (folder) => {
      const tokenizer = openGoldenTokenizer(folder);
      const { ids, bytes, alphabet } = readTokenBytes(tokenizer, {
        vocabSize: 1e9,
        eosTokenIds: [],
      });
      const byId = new Map(Array.from(ids, (id, i) => [id, bytes[i]!]));
      assert.deepEqual([...alphabet.subarray(0x20, 0x7f)].filter((has) => has === 0), []);
      const { cases } = JSON.parse(
        Deno.readTextFileSync(sharedData(`golden/tokenizers/${name}.json`)!),
      );
      const texts: string[] = (cases as { text: string }[]).map(({ text }) => text).filter((text) =>
        text.isWellFormed()
      );
      assert.ok(texts.length > 5);
      for (const text of texts) {
        const tokens = tokenizer.encode(text, {
          addSpecialTokens: false,
          parseSpecialTokens: false,
        });
        const pieces = tokens.map((id) => byId.get(id) ?? assert.fail(`token ${id}`));
        const joined = new TextDecoder("utf-8", { ignoreBOM: true }).decode(
          Uint8Array.from(pieces.flatMap((piece) => [...piece])),
        );
        const decoded = tokenizer.decode(tokens);
        assert.ok([decoded, ` ${decoded}`].includes(joined), JSON.stringify([joined, decoded])); // some take the first space away
      }
    },
  );
}
