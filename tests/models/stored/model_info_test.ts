import assert from "node:assert/strict";
import { join } from "node:path";
import { openSafetensors } from "../../../src/engine/tensor/safetensors.ts";
import { safetensorsContent } from "../../../src/engine/tensor/safetensors_writer.ts";
import { tensor } from "../../../src/engine/tensor/tensor.ts";
import { describeConfig, describeModel } from "../../../src/models/stored/model_info.ts";
import { PRESETS } from "../../../src/models/presets.ts";
import { writeFileAtomic } from "../../../src/utils/atomic_file.ts";
import { TINY_CONFIG, writeTinyModel } from "../../e2e/tiny_model.ts";
import { testWithData } from "../../shared_data.ts";
import { GOLDEN_MODELS } from "../golden_models.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

Deno.test("describeConfig() tells what a preset will be", () => {
  const { parameters, contextLength, problem, sizeBytes } = describeConfig(PRESETS["1m"]!.config);
  assert.deepEqual([parameters, contextLength, problem, sizeBytes], [1_049_984, 512, null, null]);
});

Deno.test("describeModel() tells a model that can be run", async () => {
  await using folder = await temporaryFolder();
  const path = await writeTinyModel(join(folder.path, "model"));
  await Deno.writeTextFile(
    join(path, "generation_config.json"),
    '{"temperature":0.6,"top_k":null,"eos_token_id":1,"transformers_version":"5"}',
  );
  const { sizeBytes, ...info } = await describeModel(path);
  assert.deepEqual(info, {
    modelType: "llama",
    architecture: "LlamaForCausalLM",
    parameters: 2 * 64 * 16 + 2 * (2 * 256 + 2 * 128 + 3 * 512 + 2 * 16) + 16,
    dtypes: ["float32"],
    contextLength: 64,
    vocabulary: 64,
    tokenizer: null,
    generation: { temperature: 0.6 },
    adapter: null,
    problem: null,
  });
  assert.ok(sizeBytes! > 4 * info.parameters!);
});

/** What keeps a model from being run, and what is said of it. */
const PROBLEMS: Readonly<Record<string, readonly [(model: string) => Promise<void>, RegExp]>> = {
  "an architecture that is not known": [
    (model) => config(model, { model_type: "mamba" }),
    /"model_type" of config\.json is "mamba"; supported are/,
  ],
  "a key that changes the mathematics": [
    (model) => config(model, { quantization_config: { quant_method: "gptq" } }),
    /quantization_config/,
  ],
  "a missing weight": [
    (model) => config(model, { num_hidden_layers: 3 }),
    /has no weight "model\.layers\.2\./,
  ],
  "a surplus weight": [
    (model) => config(model, { num_hidden_layers: 1 }),
    /stores "model\.layers\.1\./,
  ],
  "a weight of another shape": [
    (model) => config(model, { intermediate_size: 48 }),
    /weight "model\.layers\.0\.mlp\.\w+\.weight" has the shape \[.*\], but config.json asks for/,
  ],
  "no weights": [
    (model) => Deno.remove(join(model, "model.safetensors")),
    /has neither model\.safetensors nor/,
  ],
  "weights that are whole numbers": [
    (model) =>
      writeFileAtomic(
        join(model, "model.safetensors"),
        safetensorsContent([[
          "model.embed_tokens.weight",
          tensor("int8", [64, 16], new Int8Array(64 * 16)),
        ]]),
      ),
    /"model\.embed_tokens\.weight" is stored as int8; quantised weights/,
  ],
  "a tokenizer that cannot be opened": [
    (model) => Deno.writeTextFile(join(model, "tokenizer.json"), "{}"),
    /Cannot open the tokenizer in/,
  ],
};

async function config(model: string, changes: object): Promise<void> {
  const json = JSON.stringify({ ...TINY_CONFIG, ...changes });
  await Deno.writeTextFile(join(model, "config.json"), json);
}

for (const [name, [damage, message]] of Object.entries(PROBLEMS)) {
  Deno.test(`describeModel() says why it cannot be run: ${name}`, async () => {
    await using folder = await temporaryFolder();
    const path = await writeTinyModel(join(folder.path, "model"));
    await damage(path);
    assert.match((await describeModel(path)).problem!, message);
  });
}

testWithData(
  "describeModel() opens every model that transformers saved, in all dtypes",
  { data: "golden/models" },
  async (path) => {
    const dtypes = new Set<string>();
    for await (const { name } of Deno.readDir(path)) {
      const info = await describeModel(join(path, name));
      info.dtypes.forEach((dtype) => dtypes.add(dtype));
      assert.ok(info.parameters! > 10_000 && info.contextLength! > 0, name);
      const known = GOLDEN_MODELS.some((golden) => golden === name);
      assert.equal(info.problem === null, known, `${name}: ${info.problem}`);
    }
    assert.deepEqual([...dtypes].sort(), ["bfloat16", "float16", "float32"]);
  },
);

testWithData(
  "describeModel() describes an adapter with the model it was made for",
  { data: "golden" },
  async (golden) => {
    const findBase = (name: string) => join(golden, name);
    for (
      const [name, variant] of [["lora", "lora"], ["lora_rslora", "rslora"], ["lora_dora", "dora"]]
    ) {
      const folder = join(golden, "adapters", name!);
      const settings = JSON.parse(await Deno.readTextFile(join(folder, "adapter_config.json")));
      using weights = await openSafetensors(join(folder, "adapter_model.safetensors"));
      const { adapter, problem } = await describeModel(folder, { findBase });
      assert.deepEqual(adapter, {
        base: settings.base_model_name_or_path,
        variant,
        rank: settings.r,
        parameters: [...weights.entries.values()].reduce((sum, it) => sum + it.sizeBytes / 4, 0),
      });
      assert.equal(problem, null);
    }
  },
);
