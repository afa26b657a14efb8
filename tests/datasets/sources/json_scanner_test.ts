import assert from "node:assert/strict";
import fc from "fast-check";
import {
  createJsonScanner,
  type JsonScannerOptions,
} from "../../../src/datasets/sources/json_scanner.ts";
import { UnreadableError } from "../../../src/datasets/sources/unreadable.ts";

/** Gives the text to a scanner in pieces of `size` bytes. */
function scan(
  text: string,
  { size = 1 << 16, ...options }: JsonScannerOptions & { readonly size?: number | undefined } = {},
) {
  const scanner = createJsonScanner(options);
  const bytes = new TextEncoder().encode(text);
  const rows = [];
  for (let at = 0; at < bytes.length; at += size) {
    rows.push(...scanner.push(bytes.subarray(at, at + size)));
  }
  scanner.end();
  return rows;
}

const texts = (json: string, size?: number) =>
  scan(json, { size }).map(({ text }) => JSON.parse(text!));

Deno.test("createJsonScanner() finds what JSON.parse finds, whatever the pieces and the layout", () => {
  const items = fc.array(fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue()));
  const layout = fc.constantFrom(undefined, 1, 2, "\t", " \n");
  fc.assert(
    fc.property(items, layout, fc.integer({ min: 1, max: 40 }), (list, space, size) => {
      const json = JSON.stringify(list, null, space);
      assert.deepEqual(texts(json, size), JSON.parse(json));
    }),
    { numRuns: 300 },
  );
});

Deno.test("createJsonScanner() finds the rows in the arrays of an object", () => {
  const rows = [{ text: 'a "]" \\' }, { text: "b", list: [{ c: 1 }] }];
  const cases: readonly unknown[] = [
    { version: "1.0", data: rows, more: { nested: [{ x: 1 }] } },
    { tags: ["a", "b"], empty: [], info: { n: 1, list: [1, [2]] }, rows, count: 2, "}": "]" },
    { train: rows.slice(0, 1), valid: rows.slice(1) },
  ];
  for (const json of cases) {
    for (const text of [JSON.stringify(json), JSON.stringify(json, null, 2)]) {
      for (const size of [1, 3, 1000]) assert.deepEqual(texts(text, size), rows, text);
    }
  }
});

Deno.test("createJsonScanner() takes an object for a row where its lists belong to a row", () => {
  const row = { id: 1, messages: [{ role: "user", content: "a" }], tools: [{ name: "f" }] };
  for (const size of [1, 7, 1000]) {
    assert.deepEqual(texts(JSON.stringify(row, null, 1), size), [row]);
    assert.deepEqual(
      texts(`${JSON.stringify(row)}\n${JSON.stringify(row, null, 1)}{"a": 1}`, size),
      [
        row,
        row,
        { a: 1 },
      ],
    );
  }
});

Deno.test("createJsonScanner() numbers rows and the lines in which they begin", () => {
  const rows = scan('\uFEFF[\n  {"a":\n 1}, {"a": 2},\r\n\n 3\n ,"x\\n"]\n', { size: 2 });
  assert.deepEqual(rows.map(({ line, row, text }) => [line, row, text]), [
    [2, 1, '{"a":\n 1}'],
    [3, 2, '{"a": 2}'],
    [5, 3, "3"],
    [6, 4, '"x\\n"'],
  ]);
});

/** Texts that end the reading, and where. */
const BROKEN: Readonly<Record<string, readonly [json: string, line: number, message: RegExp]>> = {
  "a row without its end": [
    '[\n{"a": 1},\n{"a": "}\n]',
    3,
    /the row that begins here does not end/,
  ],
  "an array without its end": ['[\n{"a": 1}\n', 3, /its JSON does not end/],
  "an object without its end": ['{"data": [{"a": 1}],\n', 2, /its JSON does not end/],
  "no comma": ['[{"a": 1}\n{"a": 2}]', 2, /there is "\{" where a "," or "\]" is due/],
  "a comma too many": ["[{},\n,{}]", 2, /there is "," where a row is due/],
  "a wrong bracket": ['{"data": [{}}', 1, /there is "\}" where a "," or "\]" is due/],
  "something behind": ["[{}]\nnot JSON", 2, /there is "n" where an object or an array is due/],
  "a key without quotes": ["{a: 1}", 1, /there is "a" where a key is due/],
  "a key without value": ['{"a" 1}', 1, /there is "1" where a ":" is due/],
};

for (const [state, [json, line, message]] of Object.entries(BROKEN)) {
  Deno.test(`createJsonScanner() names the line of ${state}`, () => {
    for (const size of [1, 1000]) {
      assert.throws(() => scan(json, { size }), (error) => {
        assert.ok(error instanceof UnreadableError);
        assert.equal(error.line, line);
        assert.match(error.message, message);
        return true;
      });
    }
  });
}

Deno.test("createJsonScanner() passes over a row that is too long and reads on", () => {
  const json = `[{"a": 1}, {"a": "${"x".repeat(5000)}"}, {"a": 2}]`;
  for (const size of [7, 1000, 100_000]) {
    const rows = scan(json, { size, maxRowBytes: 1000 });
    assert.deepEqual(rows.map(({ text, problem }) => text ?? problem?.code), [
      '{"a": 1}',
      "row-too-long",
      '{"a": 2}',
    ]);
  }
  assert.throws(
    () => scan(`{"a": "${"x".repeat(5000)}`, { size: 100, maxRowBytes: 1000 }),
    /longer than 1 kB/,
  );
});
