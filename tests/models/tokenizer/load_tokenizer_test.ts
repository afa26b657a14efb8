import assert from "node:assert/strict";
import { trainBpe } from "../../../src/models/tokenizer/bpe_trainer.ts";
import { createTokenizer, loadTokenizer } from "../../../src/models/tokenizer/load_tokenizer.ts";
import { UserError } from "../../../src/utils/errors.ts";
import { testWithData } from "../../shared_data.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

const utf8 = new TextEncoder();

testWithData(
  "loadTokenizer() finds special tokens as transformers does",
  { data: "models/TinyStories-656K" },
  async (folder) => {
    const tokenizer = await loadTokenizer(folder);
    assert.ok(tokenizer);
    // transformers 5.23: AutoTokenizer.from_pretrained(folder)(text).input_ids
    assert.deepEqual(tokenizer.encode("Hello<|end_story|>"), [1, 80, 1288, 67, 2]);
    assert.deepEqual(tokenizer.encode("Hello <|end_story|>"), [1, 80, 1288, 139, 2]);
    assert.equal(tokenizer.decode([1, 5, 2, 5, 0, 5]), '"""');
    assert.deepEqual(
      [tokenizer.vocabSize, tokenizer.bosTokenId, tokenizer.eosTokenIds, tokenizer.padTokenId],
      [2048, 1, [2], 0],
    );
  },
);

testWithData(
  "loadTokenizer() gives a tokenizer that encodes a megabyte without pre-tokenizer",
  { data: "tokenizers/mistral-v0.1" },
  async (folder) => {
    const text = await Deno.readTextFile(
      folder.replace("tokenizers/mistral-v0.1", "datasets/tinyshakespeare/input.txt"),
    );
    const tokenizer = await loadTokenizer(folder);
    assert.ok(tokenizer);
    const ids = tokenizer.encode(text, { addSpecialTokens: false });
    assert.equal(ids.length, 361_972); // tokenizers 0.23.3
    assert.equal(tokenizer.decode(ids), text);
  },
);

Deno.test("loadTokenizer() is undefined where there is no tokenizer.json", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/tokenizer_config.json`, "{}");
  assert.equal(await loadTokenizer(folder.path), undefined);
  assert.equal(await loadTokenizer(`${folder.path}/missing`), undefined);
});

Deno.test("loadTokenizer() unites the tokens that end a text", async () => {
  await using folder = await temporaryFolder();
  for (const [name, bytes] of trainBpe({ texts: [], vocabSize: 259 })) {
    await Deno.writeFile(`${folder.path}/${name}`, bytes);
  }
  await Deno.writeTextFile(`${folder.path}/config.json`, '{"eos_token_id": 0}');
  await Deno.writeTextFile(`${folder.path}/generation_config.json`, '{"eos_token_id": [2, 999]}');
  const tokenizer = await loadTokenizer(folder.path);
  assert.deepEqual(tokenizer?.eosTokenIds, [2, 0]);
  assert.deepEqual([...tokenizer.files.keys()], ["tokenizer.json", "tokenizer_config.json"]);
});

Deno.test("loadTokenizer() names the folder and the key of a file it cannot read", async () => {
  await using folder = await temporaryFolder();
  for (
    const [content, wanted] of [
      ["{", /Cannot read tokenizer\.json: /],
      ["[]", /the file is not an object/],
      ['{"model": {"type": "BPE", "vocab": {}, "merges": ["a b"]}}', /"model\.merges\[0\]"/],
      ['{"model": {"type": "BPE", "vocab": {}}}', /"model\.merges" is not an array/],
      ['{"model": {"type": "Magic"}}', /model "Magic" is not supported/],
      ['{"model": {}, "added_tokens": [{"id": -1}]}', /"added_tokens\[0\]\.id"/],
    ] as const
  ) {
    await Deno.writeTextFile(`${folder.path}/tokenizer.json`, content);
    await assert.rejects(
      loadTokenizer(folder.path),
      (error) =>
        error instanceof UserError && error.message.includes(folder.path) &&
        wanted.test(error.message),
      content,
    );
  }
});

Deno.test("createTokenizer() writes ChatML or plain lines where there is no template", () => {
  const messages = [{ role: "user", content: "Hi" }, { role: "assistant", content: "Yo" }];
  const files = new Map(trainBpe({ texts: [], vocabSize: 259 }));
  files.set("tokenizer_config.json", utf8.encode("{}"));
  const chatml = createTokenizer(files);
  assert.equal(chatml.hasChatTemplate, false);
  assert.equal(
    chatml.renderChat(messages).text,
    "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n",
  );

  const plain = new Map(trainBpe({ texts: [], vocabSize: 257, specialTokens: ["<end>"] }));
  const rendered = createTokenizer(plain).renderChat(messages);
  assert.equal(rendered.text, "user: Hi\nassistant: Yo<end>\n");
  const said = rendered.ids.filter((_, i) => rendered.assistantMask[i] === 1);
  assert.equal(
    createTokenizer(plain).decode(said, { skipSpecialTokens: false }),
    " Yo<end>",
  );
  assert.equal(
    createTokenizer(plain).renderChat(messages.slice(0, 1), { addGenerationPrompt: true }).text,
    "user: Hi\nassistant:",
  );
});

Deno.test("createTokenizer() names the stage that it does not support", () => {
  const { model } = JSON.parse(
    new TextDecoder().decode(trainBpe({ texts: [], vocabSize: 259 }).get("tokenizer.json")),
  );
  const open = (stages: object) =>
    createTokenizer(
      new Map([["tokenizer.json", utf8.encode(JSON.stringify({ model, ...stages }))]]),
    );
  const unsupported = {
    'normalizer "Nmt"': { normalizer: { type: "Nmt" } },
    'pre-tokenizer "UnicodeScripts"': {
      pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "UnicodeScripts" }] },
    },
    'decoder "Other"': { decoder: { type: "Other" } },
    'post-processor "Other"': { post_processor: { type: "Other" } },
    'model "Other"': { model: { type: "Other" } },
  };
  for (const [what, stages] of Object.entries(unsupported)) {
    assert.throws(
      () => open(stages),
      (error) =>
        error instanceof UserError &&
        error.message.startsWith(`Cannot read tokenizer.json: ${what} is not supported`),
      what,
    );
  }
});
