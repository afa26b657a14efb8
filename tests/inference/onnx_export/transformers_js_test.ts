import assert from "node:assert/strict";
import {
  transformersJsConfig,
  transformersJsTokenizer,
} from "../../../src/inference/onnx_export/transformers_js.ts";
import { createToyTokenizer } from "../toy_model.ts";

function tokenizerConfig(files: Readonly<Record<string, string>>): unknown {
  const encoded = new Map(
    Object.entries(files).map(([name, text]) => [name, new TextEncoder().encode(text)]),
  );
  const written = transformersJsTokenizer({ ...createToyTokenizer(), files: encoded });
  for (const name of Object.keys(files)) assert.ok(written.has(name), name);
  return JSON.parse(new TextDecoder().decode(written.get("tokenizer_config.json")));
}

Deno.test("transformersJsTokenizer() moves a template of its own file to where transformers.js looks for it", () => {
  const config = tokenizerConfig({
    "tokenizer_config.json": '{"bos_token":"<s>","chat_template":"old"}',
    "chat_template.jinja": "{{ messages }}",
  });
  assert.deepEqual(config, { bos_token: "<s>", chat_template: "{{ messages }}" });
});

Deno.test("transformersJsTokenizer() keeps templates by name beside the default one", () => {
  const tools = { name: "tool_use", template: "{{ tools }}" };
  const config = tokenizerConfig({
    "tokenizer_config.json": JSON.stringify({ chat_template: [tools] }),
    "chat_template.jinja": "{{ messages }}",
  });
  const byDefault = { name: "default", template: "{{ messages }}" };
  assert.deepEqual(config, { chat_template: [tools, byDefault] });
});

Deno.test("transformersJsTokenizer() makes the tokenizer_config.json that transformers.js cannot do without", () => {
  assert.deepEqual(tokenizerConfig({ "tokenizer.json": "{}" }), {
    tokenizer_class: "PreTrainedTokenizerFast",
  });
});

Deno.test("transformersJsConfig() forgets the data files of a variant that has none any more", () => {
  const config = { model_type: "llama" };
  const earlier = transformersJsConfig(config, { earlier: undefined, type: "f32", dataFiles: 2 });
  const external = (json: unknown) =>
    (json as { "transformers.js_config": { use_external_data_format?: unknown } })[
      "transformers.js_config"
    ].use_external_data_format;
  assert.deepEqual(external(earlier), { "model.onnx": 2 });
  const half = transformersJsConfig(config, { earlier, type: "f16", dataFiles: 1 });
  assert.deepEqual(external(half), { "model.onnx": 2, "model_fp16.onnx": 1 });
  const again = transformersJsConfig(config, { earlier: half, type: "f32", dataFiles: 0 });
  assert.deepEqual(external(again), { "model_fp16.onnx": 1 });
});
