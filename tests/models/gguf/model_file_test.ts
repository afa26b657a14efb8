import assert from "node:assert/strict";
import { ggufContent, type GgufTensorSpec } from "../../../src/engine/tensor/gguf/gguf_writer.ts";
import {
  ggufArray,
  type GgufMetadata,
  ggufString,
  ggufUint32,
  type GgufValue,
} from "../../../src/engine/tensor/gguf/metadata.ts";
import { createModel } from "../../../src/models/architectures.ts";
import { openModelFolder } from "../../../src/models/hub/folder.ts";
import { ropeFrequencies } from "../../../src/models/rope.ts";
import { loadTokenizer } from "../../../src/models/tokenizer/load_tokenizer.ts";
import { readWeights } from "../../../src/models/weights.ts";
import { writeFileAtomic } from "../../../src/utils/atomic_file.ts";
import { sharedData, testWithData } from "../../shared_data.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { writeGguf } from "../export/written_gguf.ts";

testWithData(
  "openModelFolder() opens a GGUF file of others as if it were the model's folder",
  { data: "models/stories260K" },
  async (folder) => {
    using file = await openModelFolder(`${folder}/stories260K.gguf`);
    using hub = await openModelFolder(sharedData("models/stories260K-hf")!);
    const model = createModel(file.config);
    // the file has an output matrix of its own, which is that of the embeddings
    assert.equal(model.outputWeight, "lm_head.weight");
    for await (const { name, tensor } of readWeights(model, file)) {
      const twin = name === "lm_head.weight" ? "model.embed_tokens.weight" : name;
      const { data } = await hub.readWeight(hub.weightNames.includes(twin) ? twin : name);
      assert.deepEqual(tensor.data, data, name);
    }
    const tokenizer = (await loadTokenizer(`${folder}/stories260K.gguf`))!;
    assert.equal(tokenizer.bosTokenId, 1);
    assert.deepEqual(tokenizer.eosTokenIds, [2]);
    const golden = JSON.parse(await Deno.readTextFile(sharedData("golden/stories260K.json")!));
    assert.equal(tokenizer.decode(golden.greedy_ids_from_bos.slice(1)), golden.greedy_text.trim());
    const text = "Once upon a time, there was a 🦙.";
    assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
    assert.equal(tokenizer.encode(text)[0], 1);
  },
);

const smollm2 = Deno.env.get("LLM_TRAINING_SMOLLM2");

Deno.test({
  name: "a Q4_1 file of others has the weights and ids of its folder: SmolLM2-135M-Instruct" +
    (smollm2 === undefined ? " (skipped: $LLM_TRAINING_SMOLLM2 names no such folder)" : ""),
  ignore: smollm2 === undefined,
  async fn() {
    const path = `${smollm2}/SmolLM2-135M-Instruct.Q4_1.gguf`;
    using file = await openModelFolder(path);
    using hub = await openModelFolder(smollm2!);
    assert.deepEqual(new Set(file.weightNames), new Set(hub.weightNames));
    for await (const { name, tensor } of readWeights(createModel(file.config), file)) {
      const { data } = await hub.readWeight(name, tensor.shape);
      assert.ok(tensor.data.every((value, i) => value === data[i]), name);
    }
    const [read, original] = [(await loadTokenizer(path))!, (await loadTokenizer(smollm2!))!];
    const strings: readonly { readonly text: string }[] = JSON.parse(
      await Deno.readTextFile(sharedData("golden/tokenizers/qwen3.json")!),
    ).cases;
    for (const { text } of strings) assert.deepEqual(read.encode(text), original.encode(text));
    assert.equal(read.chatTemplate, original.chatTemplate);
    assert.deepEqual(read.eosTokenIds, original.eosTokenIds);
  },
});

for (
  const name of [
    "llama",
    "llama_tied_llama3_rope",
    "llama_biases_linear_rope",
    "smollm2",
    "qwen2_yarn",
    "gemma3",
    "phi3_partial_rotary",
    "mistral",
    "qwen3",
    "gpt2",
  ]
) {
  testWithData(
    `a GGUF file says of a model what config.json says: ${name}`,
    { data: `golden/models/${name}` },
    async (folder) => {
      const before = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
      const config = { ...before, ...(name === "gemma3" && { query_pre_attn_scalar: 16 }) };
      await using temporary = await temporaryFolder();
      const to = `${temporary.path}/model.gguf`;
      await writeGguf(folder, { to, config });
      using opened = await openModelFolder(to);
      // Mistral has no name of its own there, and no window
      const expected = createModel(
        name === "mistral" ? { ...config, model_type: "llama", sliding_window: null } : config,
      );
      const model = createModel(opened.config);
      assert.equal(model.modelType, expected.modelType);
      const names = (weights: typeof model.weights) =>
        weights.map(({ name, shape }) => `${name} [${shape}]`).sort();
      assert.deepEqual(names(model.weights), names(expected.weights));
      assert.equal(model.maxPositions, expected.maxPositions);
      assert.equal(model.headDim, expected.headDim);
      assert.equal(model.attentionKinds.length, expected.attentionKinds.length);
      model.attentionKinds.forEach(({ rope, rotaryDim, window }, i) => {
        const wanted = expected.attentionKinds[i]!;
        assert.deepEqual({ rotaryDim, window }, {
          rotaryDim: wanted.rotaryDim,
          window: wanted.window,
        });
        assert.equal(rope?.type, wanted.rope?.type);
        if (rope === null || wanted.rope === null) return;
        const frequencies = ropeFrequencies(wanted.rope, rotaryDim);
        ropeFrequencies(rope, rotaryDim).forEach((frequency, j) =>
          assert.ok(Math.abs(frequency / frequencies[j]! - 1) < 1e-6)
        );
      });
    },
  );
}

/** The smallest file that opens, with what is given changed. */
async function writeToy(
  path: string,
  changes: Readonly<Record<string, GgufValue>>,
  more: readonly GgufTensorSpec[] = [],
): Promise<string> {
  const metadata: GgufMetadata = new Map(Object.entries({
    "general.architecture": ggufString("llama"),
    "llama.embedding_length": ggufUint32(4),
    "llama.block_count": ggufUint32(1),
    "llama.attention.head_count": ggufUint32(1),
    "llama.feed_forward_length": ggufUint32(4),
    "llama.context_length": ggufUint32(16),
    "tokenizer.ggml.model": ggufString("gpt2"),
    "tokenizer.ggml.tokens": ggufArray("string", ["a", "b", "ab"]),
    "tokenizer.ggml.merges": ggufArray("string", ["a b"]),
    ...changes,
  }));
  const embeddings = { name: "token_embd.weight", type: "F32", shape: [3, 4] } as const;
  const read = ({ shape }: GgufTensorSpec) =>
    Promise.resolve(new Float32Array(shape.reduce((product, extent) => product * extent, 1)));
  await writeFileAtomic(path, ggufContent({ metadata, tensors: [embeddings, ...more], read }));
  return path;
}

Deno.test("openModelFolder() says what is wrong with the model in a GGUF file", async (t) => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/toy.gguf`;
  const cases: Readonly<Record<string, readonly [Record<string, GgufValue>, RegExp]>> = {
    "another architecture": [
      { "general.architecture": ggufString("mamba") },
      /"general.architecture" of its metadata is "mamba"; supported are llama, qwen2/,
    ],
    "a part of several": [{ "split.count": ggufUint32(2) }, /one of several; join them/],
    "a mixture of experts": [{ "llama.expert_count": ggufUint32(8) }, /mixture of experts/],
    "a size of the wrong kind": [
      { "llama.block_count": ggufString("two") },
      /"llama.block_count" of its metadata must be a natural number/,
    ],
    "heads that differ by layer": [
      { "llama.attention.head_count": ggufArray("int32", [1, 2]) },
      /"llama.attention.head_count" of its metadata is a list/,
    ],
    "an unknown scaling": [
      { "llama.rope.scaling.type": ggufString("magic") },
      /"llama.rope.scaling.type" .* is "magic"; supported are none, linear, yarn/,
    ],
  };
  for (const [name, [changes, message]] of Object.entries(cases)) {
    await t.step(name, async () => {
      await writeToy(path, changes);
      await assert.rejects(openModelFolder(path), message);
    });
  }
  await t.step("a tensor that is none of its weights", async () => {
    await writeToy(path, {}, [{ name: "blk.0.magic.weight", type: "F32", shape: [4] }]);
    await assert.rejects(openModelFolder(path), /holds tensor "blk.0.magic.weight", which a llama/);
  });
});

Deno.test("loadTokenizer() says what is wrong with the tokenizer in a GGUF file", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/toy.gguf`;
  const load = async (changes: Readonly<Record<string, GgufValue>>) =>
    await loadTokenizer(await writeToy(path, changes));
  await assert.rejects(
    load({ "tokenizer.ggml.pre": ggufString("magic") }),
    /"tokenizer.ggml.pre" of its metadata is "magic"; supported are gpt-2/,
  );
  await assert.rejects(
    load({ "tokenizer.ggml.model": ggufString("t5") }),
    /"tokenizer.ggml.model" of its metadata is "t5"; supported are gpt2, llama/,
  );
  await assert.rejects(
    load({ "tokenizer.ggml.tokens": ggufArray("string", ["a", "a"]) }),
    /has "a" twice/,
  );
  await assert.rejects(
    load({ "tokenizer.ggml.merges": ggufArray("string", ["a c"]) }),
    /Cannot open the tokenizer in ".*toy.gguf": .*joins "a" and "c"/,
  );
  assert.equal(await load({ "tokenizer.ggml.model": ggufString("none") }), undefined);
  assert.deepEqual((await load({}))?.encode("ab"), [2]);
});
