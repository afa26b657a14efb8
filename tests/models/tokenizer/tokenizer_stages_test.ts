import assert from "node:assert/strict";
import { createTokenizer } from "../../../src/models/tokenizer/load_tokenizer.ts";

interface StageCase {
  readonly name: string;
  readonly tokenizer: string;
  readonly rows: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly decoded: string;
  }[];
}

const cases: readonly StageCase[] = Deno.readTextFileSync(
  new URL("../../fixtures/tokenizer_stages.jsonl", import.meta.url),
).trimEnd().split("\n").map((line) => JSON.parse(line));

for (const { name, tokenizer: json, rows } of cases) {
  Deno.test(`encode() and decode() agree with tokenizers: ${name}`, () => {
    const tokenizer = createTokenizer(
      new Map([["tokenizer.json", new TextEncoder().encode(json)]]),
    );
    for (const { text, ids, decoded } of rows) {
      assert.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text));
      assert.equal(tokenizer.decode(ids), decoded, JSON.stringify(text));
    }
  });
}
