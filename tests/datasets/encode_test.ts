import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeRow, type Example } from "../../src/datasets/encode.ts";
import { countTrainedTokens, IGNORED_LABEL } from "../../src/datasets/labels.ts";
import type { Row } from "../../src/datasets/row.ts";
import type { Tokenizer } from "../../src/models/tokenizer/tokenizer.ts";
import { loadTokenizer } from "../../src/models/tokenizer/load_tokenizer.ts";
import { testWithData } from "../shared_data.ts";
import { BOS, byteTokenizer, END_OF_TURN, EOS } from "./byte_tokenizer.ts";

const place = { path: "data.jsonl", line: 7 };
const bytes = (text: string): number[] => [...new TextEncoder().encode(text)];

function encode(row: Row, maxLength = 10_000, tokenizer: Tokenizer | undefined = byteTokenizer()) {
  return encodeRow(row, { place, tokenizer, maxLength });
}

/** The ids that are trained; each label must be the id in its place. */
function trainedIds({ inputIds, labels }: Example): number[] {
  assert.equal(labels.length, inputIds.length);
  const trained: number[] = [];
  labels.forEach((label, i) => {
    if (label === IGNORED_LABEL) return;
    assert.equal(label, inputIds[i]);
    trained.push(label);
  });
  return trained;
}

const content = fc.string({ minLength: 1, maxLength: 8, unit: "grapheme" });

Deno.test("encodeRow() trains the assistant's turns with their ends, and nothing else", () => {
  const messages = fc.array(
    fc.record({ role: fc.constantFrom("user", "assistant", "tool"), content }),
    { minLength: 1, maxLength: 6 },
  );
  fc.assert(fc.property(messages, (messages) => {
    const { examples, truncated } = encode({ kind: "messages", messages, tools: undefined });
    const expected = messages.filter(({ role }) => role === "assistant")
      .flatMap(({ content }) => [...bytes(content), END_OF_TURN]);
    assert.equal(truncated, false);
    assert.equal(examples.length, expected.length > 0 ? 1 : 0);
    if (examples[0] !== undefined) assert.deepEqual(trainedIds(examples[0]), expected);
  }));
});

Deno.test("encodeRow() trains the completion with its end, and nothing of the prompt", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), content, (prompt, completion) => {
    const [example] = encode({ kind: "completion", prompt, completion }).examples;
    const ids = [BOS, ...bytes(prompt), ...bytes(completion), EOS];
    assert.deepEqual([...example!.inputIds], ids);
    assert.deepEqual(trainedIds(example!), [...bytes(completion), EOS]);
  }));
});

Deno.test("encodeRow() leaves out the end that a tokenizer adds to a prompt", () => {
  const row: Row = { kind: "completion", prompt: "a", completion: "b" };
  const [example] = encode(row, 10, byteTokenizer({ addEos: true })).examples;
  assert.deepEqual([...example!.inputIds], [BOS, 97, 98, EOS]);
  assert.deepEqual(trainedIds(example!), [98, EOS]);
});

for (const folder of ["tokenizers/qwen3", "tokenizers/mistral-v0.1", "models/TinyStories-656K"]) {
  testWithData(
    `encodeRow() begins with the prompt's own ids and reads as the row: ${folder}`,
    { data: folder },
    async (path) => {
      const tokenizer = await loadTokenizer(path);
      assert.ok(tokenizer !== undefined);
      const rows = [["Once upon", " a time"], ["Once up", "on a time"], ["2+2=", "4"], ["", "Hi"]];
      for (const [prompt, completion] of rows as [string, string][]) {
        const row: Row = { kind: "completion", prompt, completion };
        const ids: number[] = [...encode(row, 100, tokenizer).examples[0]!.inputIds];
        const promptIds = tokenizer.encode(prompt);
        const whole = tokenizer.decode(tokenizer.encode(prompt + completion));
        assert.equal(tokenizer.decode(ids), whole, JSON.stringify(row));
        assert.deepEqual(ids.slice(0, promptIds.length), promptIds, JSON.stringify(row));
      }
    },
  );
}

Deno.test("encodeRow() cuts a text into windows that together are the whole text", () => {
  fc.assert(fc.property(content, fc.integer({ min: 2, max: 9 }), (text, maxLength) => {
    const whole = [BOS, ...bytes(text), EOS];
    const { examples, truncated } = encode({ kind: "text", text }, maxLength);
    const joined = examples.flatMap(({ inputIds }) => [...inputIds]);
    // a last window of one token has nothing before it to predict it from
    const rest = whole.length % maxLength === 1 ? 1 : 0;
    assert.deepEqual(joined, whole.slice(0, whole.length - rest));
    assert.equal(truncated, false);
    for (const example of examples) {
      assert.ok(example.inputIds.length <= maxLength);
      assert.deepEqual(trainedIds(example), [...example.inputIds]);
    }
    assert.ok(examples.slice(0, -1).every(({ inputIds }) => inputIds.length === maxLength));
  }));
});

Deno.test("encodeRow() ends a text once, and begins it as the tokenizer does", () => {
  const row: Row = { kind: "text", text: "a" };
  const ids = (tokenizer: Tokenizer) => [...encode(row, 10, tokenizer).examples[0]!.inputIds];
  assert.deepEqual(ids(byteTokenizer({ addBos: false })), [97, EOS]);
  assert.deepEqual(ids(byteTokenizer({ addEos: true })), [BOS, 97, EOS]);
  const endless = { ...byteTokenizer(), eosTokenIds: [] };
  assert.deepEqual(ids(endless), [BOS, 97]);
});

Deno.test("encodeRow() cuts off the end of what is no text, and leaves out what then trains nothing", () => {
  const row: Row = { kind: "completion", prompt: "abc", completion: "xyz" };
  const short = encode(row, 6);
  assert.equal(short.truncated, true);
  assert.deepEqual([...short.examples[0]!.inputIds], [BOS, ...bytes("abcxy")]);
  assert.deepEqual(encode(row, 4), { examples: [], truncated: true, dropped: "cut-off" });
  assert.equal(encode(row, 8).truncated, false);
});

Deno.test("encodeRow() takes tokenised rows without a tokenizer", () => {
  const row: Row = {
    kind: "tokens",
    inputIds: Int32Array.of(1, 2, 3),
    labels: Int32Array.of(-100, 9, 3),
  };
  const { examples } = encodeRow(row, { place, tokenizer: undefined, maxLength: 2 });
  assert.deepEqual(examples, [{ inputIds: Int32Array.of(1, 2), labels: Int32Array.of(-100, 9) }]);
  assert.equal(countTrainedTokens(examples[0]!.labels), 1);
});

Deno.test("encodeRow() names the line where tokenizer, template or vocabulary do not fit", () => {
  const text: Row = { kind: "text", text: "a" };
  assert.throws(
    () => encodeRow(text, { place, tokenizer: undefined, maxLength: 8 }),
    /^UserError: Cannot use line 7 of "data\.jsonl": it is text, but the model has no tokenizer/,
  );
  assert.throws(
    () => encodeRow(text, { place, tokenizer: byteTokenizer(), maxLength: 8, vocabSize: 257 }),
    /line 7 .*: the tokenizer gives token id 257, but the model has only 257/,
  );
  const messages = ["user", "system"].map((role) => ({ role, content: "a" }));
  assert.throws(
    () => encode({ kind: "messages", messages, tools: undefined }),
    /line 7 .*: the chat template refuses it, system comes too late/,
  );
});
