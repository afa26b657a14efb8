import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeRow } from "../../src/datasets/encode.ts";
import { truncateExample, type TRUNCATIONS } from "../../src/datasets/truncation.ts";
import { byteTokenizer } from "./byte_tokenizer.ts";

/** An example of ids 0, 1, 2, … of which those from `trainedFrom` on are trained. */
function exampleOf(length: number, trainedFrom = 0) {
  const inputIds = Int32Array.from({ length }, (_, i) => i);
  return { inputIds, labels: inputIds.map((id) => id < trainedFrom ? -100 : id) };
}

const idsOf = ({ examples }: ReturnType<typeof truncateExample>) =>
  examples.map(({ inputIds }) => [...inputIds]);

Deno.test("truncateExample() cuts by each policy", () => {
  const whole = exampleOf(7);
  const ids = (truncation: "end" | "start" | "split" | "drop") =>
    idsOf(truncateExample(whole, { maxLength: 3, truncation }));
  assert.deepEqual(ids("end"), [[0, 1, 2]]);
  assert.deepEqual(ids("start"), [[4, 5, 6]]);
  assert.deepEqual(ids("split"), [[0, 1, 2], [3, 4, 5]], "of one token nothing is trained");
  assert.deepEqual(ids("drop"), []);
});

Deno.test("truncateExample() says why nothing is left, and what was cut", () => {
  const what = (length: number, trainedFrom: number, truncation: "end" | "start" | "drop") => {
    const cut = truncateExample(exampleOf(length, trainedFrom), { maxLength: 4, truncation });
    return [cut.examples.length, cut.truncated, cut.dropped];
  };
  assert.deepEqual(what(4, 2, "end"), [1, false, undefined]);
  assert.deepEqual(what(6, 2, "end"), [1, true, undefined]);
  assert.deepEqual(what(6, 5, "end"), [0, true, "cut-off"]);
  assert.deepEqual(what(6, 5, "start"), [1, true, undefined]);
  assert.deepEqual(what(6, 5, "drop"), [0, false, "too-long"]);
  assert.deepEqual(what(6, 6, "end"), [0, false, "untrained"]);
  assert.deepEqual(what(2, 2, "drop"), [0, false, "untrained"]);
});

Deno.test("truncateExample() never parts a label from its token, nor exceeds the limit", () => {
  const policy = fc.constantFrom(...["end", "start", "split", "drop"] as const);
  fc.assert(
    fc.property(
      fc.nat(60),
      fc.nat(60),
      fc.integer({ min: 2, max: 50 }),
      policy,
      (length, from, maxLength, truncation) => {
        const { examples } = truncateExample(exampleOf(length, from), { maxLength, truncation });
        for (const { inputIds, labels } of examples) {
          assert.ok(inputIds.length <= maxLength);
          inputIds.forEach((id, i) => {
            if (i > 0) assert.equal(id, inputIds[i - 1]! + 1);
            assert.equal(labels[i], id < from ? -100 : id);
          });
        }
      },
    ),
  );
});

Deno.test("encodeRow() splits texts and cuts off the end of other rows unless told otherwise", () => {
  const place = { path: "a.jsonl", line: 3 };
  const encode = (row: Parameters<typeof encodeRow>[0], truncation?: typeof TRUNCATIONS[number]) =>
    encodeRow(row, { place, tokenizer: byteTokenizer(), maxLength: 6, truncation });
  const text = { kind: "text", text: "abcdefgh" } as const; // 10 tokens
  const completion = { kind: "completion", prompt: "ab", completion: "cdefgh" } as const;
  const lengths = ({ examples }: ReturnType<typeof encodeRow>) =>
    examples.map(({ inputIds }) => inputIds.length);
  assert.deepEqual(lengths(encode(text)), [6, 4]);
  assert.deepEqual(lengths(encode(completion)), [6]);
  assert.deepEqual(lengths(encode(text, "end")), [6]);
  assert.deepEqual(lengths(encode(completion, "split")), [6, 4]);
  for (const row of [text, completion]) {
    assert.deepEqual(lengths(encode(row, "drop")), []);
    assert.throws(() => encode(row, "error"), {
      name: "UserError",
      message:
        /^Cannot use line 3 of "a\.jsonl": it has 10 tokens, 4 more than --max-length; raise/,
    });
  }
});
