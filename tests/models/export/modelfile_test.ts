import assert from "node:assert/strict";
import { findChatFormat, writeChat } from "../../../src/models/export/chat_format.ts";
import { writeModelfile } from "../../../src/models/export/modelfile.ts";
import { trainBpe } from "../../../src/models/tokenizer/bpe_trainer.ts";
import { createTokenizer } from "../../../src/models/tokenizer/load_tokenizer.ts";
import type { ChatMessage, Tokenizer } from "../../../src/models/tokenizer/tokenizer.ts";

const BOS = "<|endoftext|>";

/** A tokenizer with `template` as its chat template; it puts its beginning-of-text token before texts. */
function tokenizerWith(template: string): Tokenizer {
  const files = new Map(trainBpe({ texts: ["abc abc"], vocabSize: 270 }));
  const json = JSON.parse(new TextDecoder().decode(files.get("tokenizer.json")));
  const id = json.added_tokens.find((token: { content: string }) => token.content === BOS).id;
  json.post_processor = {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: BOS, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    special_tokens: { [BOS]: { id: BOS, ids: [id], tokens: [BOS] } },
  };
  const encoder = new TextEncoder();
  files.set("tokenizer.json", encoder.encode(JSON.stringify(json)));
  files.set(
    "tokenizer_config.json",
    encoder.encode(JSON.stringify({ bos_token: BOS, eos_token: "<|im_end|>" })),
  );
  files.set("chat_template.jinja", encoder.encode(template));
  return createTokenizer(files);
}

/** Templates of the models people use, as far as plain messages go, and what becomes of them. */
const FORMATS: Readonly<Record<string, readonly [template: string, modelfile: string]>> = {
  ChatML: [
    `{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}` +
    `{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}`,
    `{{ range .Messages }}{{ if eq .Role "system" }}<|im_start|>system\n{{ .Content }}<|im_end|>\n` +
    `{{ else if eq .Role "user" }}<|im_start|>user\n{{ .Content }}<|im_end|>\n` +
    `{{ else if eq .Role "assistant" }}<|im_start|>assistant\n{{ .Content }}<|im_end|>\n` +
    `{{ end }}{{ end }}<|im_start|>assistant\n`,
  ],
  "Llama 3": [
    `{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n' + m.content | trim + '<|eot_id|>' }}{% endfor %}` +
    `{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}`,
    `{{ range .Messages }}{{ if eq .Role "system" }}<|start_header_id|>system<|end_header_id|>\n\n{{ .Content }}<|eot_id|>` +
    `{{ else if eq .Role "user" }}<|start_header_id|>user<|end_header_id|>\n\n{{ .Content }}<|eot_id|>` +
    `{{ else if eq .Role "assistant" }}<|start_header_id|>assistant<|end_header_id|>\n\n{{ .Content }}<|eot_id|>` +
    `{{ end }}{{ end }}<|start_header_id|>assistant<|end_header_id|>\n\n`,
  ],
  Gemma: [
    `{{ bos_token }}{% set prefix = messages[0].content + '\\n\\n' if messages[0].role == 'system' else '' %}` +
    `{% set turns = messages[1:] if messages[0].role == 'system' else messages %}{% for m in turns %}` +
    `{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\\n' + (prefix if loop.first else '') + m.content + '<end_of_turn>\\n' }}{% endfor %}` +
    `{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}`,
    `{{ $system := "" }}{{ range .Messages }}{{ if eq .Role "system" }}{{ $system = .Content }}` +
    `{{ else if eq .Role "user" }}<start_of_turn>user\n{{ if $system }}{{ $system }}\n\n{{ $system = "" }}{{ end }}{{ .Content }}<end_of_turn>\n` +
    `{{ else if eq .Role "assistant" }}<start_of_turn>model\n{{ .Content }}<end_of_turn>\n` +
    `{{ end }}{{ end }}<start_of_turn>model\n`,
  ],
  "Phi-3": [
    `{% for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content + '<|end|>\\n' }}{% endfor %}` +
    `{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}`,
    `{{ range .Messages }}{{ if eq .Role "system" }}<|system|>\n{{ .Content }}<|end|>\n` +
    `{{ else if eq .Role "user" }}<|user|>\n{{ .Content }}<|end|>\n` +
    `{{ else if eq .Role "assistant" }}<|assistant|>\n{{ .Content }}<|end|>\n` +
    `{{ end }}{{ end }}<|assistant|>\n`,
  ],
  "Mistral, which refuses system messages": [
    `{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}` +
    `{% elif m.role == 'assistant' %}{{ ' ' + m.content + eos_token }}{% else %}{{ raise_exception('no') }}{% endif %}{% endfor %}`,
    `{{ range .Messages }}{{ if eq .Role "system" }}` +
    `{{ else if eq .Role "user" }}[INST] {{ .Content }} [/INST]` +
    `{{ else if eq .Role "assistant" }} {{ .Content }}<|im_end|>{{ end }}{{ end }}`,
  ],
};

const TALK: readonly ChatMessage[] = [
  { role: "user", content: "Hi!" },
  { role: "assistant", content: "Hello, what is it?" },
  { role: "user", content: "Why is the sky blue?" },
];

for (const [name, [jinja, go]] of Object.entries(FORMATS)) {
  Deno.test(`writeModelfile() translates the chat template: ${name}`, () => {
    const tokenizer = tokenizerWith(jinja);
    const { text } = writeModelfile({ ggufFile: "m.gguf", tokenizer, generationConfig: {} });
    assert.equal(/TEMPLATE """([^]*?)"""/.exec(text)?.[1], go);
    const format = findChatFormat(tokenizer, BOS)!;
    const rendered = tokenizer.renderChat(TALK, { addGenerationPrompt: true }).text;
    assert.equal(writeChat(format, TALK), rendered.replace(BOS, ""));
  });
}

Deno.test("writeModelfile() says the system message that the template has where there is none", () => {
  const [chatml] = FORMATS.ChatML!;
  const jinja =
    `{% if messages[0].role != 'system' %}{{ '<|im_start|>system\\nYou are Tiny.<|im_end|>\\n' }}{% endif %}` +
    chatml;
  const { text, warnings } = writeModelfile({
    ggufFile: "m.gguf",
    tokenizer: tokenizerWith(jinja),
    generationConfig: { temperature: 0.7, top_p: 0.8, top_k: 20, repetition_penalty: 1.1 },
  });
  assert.match(text, /^FROM \.\/m\.gguf\nTEMPLATE """\{\{ range \.Messages/);
  assert.ok(text.endsWith(
    `SYSTEM """You are Tiny."""
PARAMETER stop "<|im_end|>"
PARAMETER temperature 0.7
PARAMETER top_p 0.8
PARAMETER top_k 20
PARAMETER repeat_penalty 1.1
`,
  ));
  assert.deepEqual(warnings, []);
});

Deno.test("writeModelfile() keeps what a template says without a system message, if it is no message", () => {
  const jinja =
    `{{ '<|im_start|>system\\nToday: 1 May\\n' + (messages[0].content if messages[0].role == 'system' else '') + '<|im_end|>\\n' }}` +
    `{% for m in messages %}{% if m.role != 'system' %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endif %}{% endfor %}` +
    `{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}`;
  const { text } = writeModelfile({
    ggufFile: "m.gguf",
    tokenizer: tokenizerWith(jinja),
    generationConfig: { do_sample: false, temperature: 0.7 },
  });
  assert.match(
    text,
    /TEMPLATE """\{\{ if not \.System \}\}<\|im_start\|>system\nToday: 1 May\n<\|im_end\|>\n\{\{ end \}\}/,
  );
  assert.ok(text.endsWith("PARAMETER temperature 0\n"));
});

Deno.test("writeModelfile() passes prompts on and says so where a template does more", () => {
  const jinja =
    `{% for m in messages %}{{ loop.index ~ ': ' + m.content + '\\n' }}{% endfor %}{{ messages | length }}`;
  const { text, warnings } = writeModelfile({
    ggufFile: "m.gguf",
    tokenizer: tokenizerWith(jinja),
    generationConfig: undefined,
  });
  assert.match(text, /TEMPLATE """\{\{ \.Prompt \}\}"""/);
  assert.match(warnings.join(), /write its TEMPLATE by hand/);
});
