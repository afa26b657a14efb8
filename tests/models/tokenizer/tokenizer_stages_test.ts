import assert from "node:assert/strict";
import { createTokenizer } from "../../../src/models/tokenizer/load_tokenizer.ts";
import masks from "../../fixtures/stage_masks.json" with { type: "json" };

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

Deno.test("renderChat() marks the tokens that transformers marks, whatever stages do to the text", () => {
  const utf8 = new TextEncoder();
  const rows = Map.groupBy(masks.cases, ({ name }) => name);
  for (const { name, tokenizer: json } of cases) {
    const tokenizer = createTokenizer(
      new Map([
        ["tokenizer.json", utf8.encode(json)],
        ["chat_template.jinja", utf8.encode(masks.template)],
      ]),
    );
    for (const { question, answer, ids, mask } of rows.get(name) ?? []) {
      const rendered = tokenizer.renderChat([
        { role: "user", content: question },
        { role: "assistant", content: answer },
      ]);
      assert.deepEqual(rendered.ids, ids, `${name}: ${answer}`);
      assert.equal(rendered.assistantMask.join(""), mask, `${name}: ${answer}`);
    }
  }
});
