import assert from "node:assert/strict";
import { testWithData } from "../../shared_data.ts";
import witness from "../../fixtures/assistant_masks.json" with { type: "json" };
import { openGoldenTokenizer } from "./golden_tokenizers.ts";

for (const name of ["mistral-v0.1", "qwen3"]) {
  testWithData(
    `renderChat() marks the tokens that transformers marks, whatever they cross: ${name}`,
    { data: `tokenizers/${name}` },
    (folder) => {
      const cases = witness.cases.filter(({ tokenizer }) => tokenizer === name);
      for (const [template, rows] of Map.groupBy(cases, ({ template }) => template)) {
        const { eos_token } = rows[0]!;
        const tokenizer = openGoldenTokenizer(folder, {
          "tokenizer_config.json": JSON.stringify({ eos_token, chat_template: template }),
        });
        for (const { title, messages, ids, mask } of rows) {
          const rendered = tokenizer.renderChat(messages);
          const shown = `${title}: ${JSON.stringify(messages)}`;
          assert.deepEqual(rendered.ids, ids, shown);
          assert.deepEqual(rendered.assistantMask, mask, shown);
        }
      }
    },
  );
}
