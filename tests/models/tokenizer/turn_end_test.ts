import assert from "node:assert/strict";
import { trainBpe } from "../../../src/models/tokenizer/bpe_trainer.ts";
import { createTokenizer } from "../../../src/models/tokenizer/load_tokenizer.ts";
import { encodeRow } from "../../../src/datasets/encode.ts";
import { IGNORED_LABEL } from "../../../src/datasets/labels.ts";

const SPECIAL_TOKENS = ["<end-of-text>", "<user>", "<bot>", "<end>"];

function tokenizerWith(template: string) {
  const files = new Map(trainBpe({ texts: [], vocabSize: 261, specialTokens: SPECIAL_TOKENS }));
  const config = { eos_token: "<end-of-text>", chat_template: template };
  files.set("tokenizer_config.json", new TextEncoder().encode(JSON.stringify(config)));
  return createTokenizer(files);
}

/** Turns with `inner` around the content, marked where `marks` says. */
function template(before: string, after: string): string {
  return `{% for m in messages %}{{ '<user>' if m.role == 'user' else '<bot>' }}\n` +
    `{%- if m.role == 'assistant' %}${before}{{ m.content }}${after}{% else %}{{ m.content }}<end>\n{% endif %}` +
    `{% endfor %}{% if add_generation_prompt %}<bot>{% endif %}`;
}

const TEMPLATES: Readonly<Record<string, string>> = {
  "without marks": template("", "<end>\n"),
  "with a mark around the end": template("{% generation %}", "<end>{% endgeneration %}\n"),
  "with a mark beyond the end": template("{% generation %}", "<end>\n{% endgeneration %}"),
  "with a mark that stops short": template("{% generation %}", "{% endgeneration %}<end>\n"),
  "with an end of all behind it": template("", "<end>\n") +
    "{% if not add_generation_prompt %}{{ eos_token }}{% endif %}",
};

for (const [name, source] of Object.entries(TEMPLATES)) {
  Deno.test(`eosTokenIds has the token that ends turns, and it is trained: template ${name}`, () => {
    const tokenizer = tokenizerWith(source);
    const [endOfText, user, , end] = SPECIAL_TOKENS.map((token) => tokenizer.encode(token)[0]!);
    assert.deepEqual(tokenizer.eosTokenIds, [endOfText, end]);
    const messages = ["user", "assistant", "user", "assistant"]
      .map((role) => ({ role, content: "x" }));
    const [example] = encodeRow({ kind: "messages", messages, tools: undefined }, {
      place: { path: "data.jsonl", line: 1 },
      tokenizer,
      maxLength: 100,
    }).examples;
    const trained = example!.labels.filter((label) => label !== IGNORED_LABEL);
    assert.equal(trained.filter((id) => id === end).length, 2);
    assert.equal(trained.includes(user!), false);
  });
}
