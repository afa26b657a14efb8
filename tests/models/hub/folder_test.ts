import assert from "node:assert/strict";
import { join } from "node:path";
import { safetensorsContent } from "../../../src/engine/tensor/safetensors_writer.ts";
import { type Tensor, tensor } from "../../../src/engine/tensor/tensor.ts";
import { openModelFolder } from "../../../src/models/hub/folder.ts";
import { writeFileAtomic } from "../../../src/utils/atomic_file.ts";
import { testWithData } from "../../shared_data.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

const floats = (...values: number[]): Tensor =>
  tensor("float32", [values.length], Float32Array.from(values));

type Files = Readonly<Record<string, string | Readonly<Record<string, Tensor>>>>;

async function writeFolder(path: string, files: Files): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await writeFileAtomic(
      join(path, name),
      typeof content === "string" ? content : safetensorsContent(Object.entries(content)),
    );
  }
}

const index = (weightMap: Readonly<Record<string, string>>) =>
  JSON.stringify({ metadata: { total_size: 8 }, weight_map: weightMap });

Deno.test("openModelFolder() reads weights of one file as float32 and checks their shape", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await writeFolder(path, {
    "config.json": '{"model_type":"llama"}',
    "generation_config.json": '{"eos_token_id":[1,2]}',
    "model.safetensors": {
      a: tensor("bfloat16", [2, 1], Uint16Array.of(0x3f80, 0xc020)),
      ids: tensor("int32", [1], Int32Array.of(1)),
    },
  });
  using model = await openModelFolder(path);
  assert.deepEqual(model.config, { model_type: "llama" });
  assert.deepEqual(model.generationConfig, { eos_token_id: [1, 2] });
  assert.deepEqual(model.weightNames.toSorted(), ["a", "ids"]);
  assert.equal(model.dtypeOf("a"), "bfloat16");
  assert.deepEqual(model.shapeOf("a"), [2, 1]);
  const weight = tensor("float32", [2, 1], Float32Array.of(1, -2.5));
  assert.deepEqual(await model.readWeight("a"), weight);
  assert.deepEqual(await model.readWeight("a", [2, 1]), weight);
  await assert.rejects(model.readWeight("a", [2]), {
    name: "UserError",
    message: /weight "a" in .*model\.safetensors has the shape \[2,1\], but config.json .* \[2\]/,
  });
  await assert.rejects(model.readWeight("b"), /it has no weight "b"/);
  await assert.rejects(model.readWeight("ids"), /"ids" in .* is stored as int32/);
  assert.throws(() => model.dtypeOf("b"), { name: "UserError" });
});

Deno.test("openModelFolder() reads weights of several files", async () => {
  await using folder = await temporaryFolder();
  await writeFolder(folder.path, {
    "config.json": "{}",
    "model.safetensors.index.json": index({ a: "m-1.safetensors", b: "m-2.safetensors" }),
    "m-1.safetensors": { a: floats(1) },
    "m-2.safetensors": { b: floats(2, 3) },
  });
  using model = await openModelFolder(folder.path);
  assert.deepEqual(model.weightNames, ["a", "b"]);
  assert.deepEqual((await model.readWeight("b", [2])).data, Float32Array.of(2, 3));
});

/** Folders that are no models, and what is said of them. */
const BROKEN: Readonly<Record<string, readonly [Files, RegExp]>> = {
  "without config.json": [{ "model.safetensors": { a: floats(1) } }, /it has no config\.json$/],
  "with a broken config.json": [{ "config.json": "{" }, /config\.json": it is not valid JSON/],
  "whose config.json is a list": [{ "config.json": "[]" }, /its content must be an object/],
  "without weights": [{ "config.json": "{}" }, /it has neither model\.safetensors nor/],
  "with weights of another format": [
    { "config.json": "{}", "pytorch_model.bin": "" },
    /pytorch_model\.bin is another format, convert it to safetensors/,
  ],
  "with a broken file": [
    { "config.json": "{}", "model.safetensors": "too short" },
    /model\.safetensors" as safetensors/,
  ],
  "with a missing file": [
    {
      "config.json": "{}",
      "model.safetensors.index.json": index({ a: "m-1.safetensors", b: "m-2.safetensors" }),
      "m-1.safetensors": { a: floats(1) },
    },
    /index\.json names m-2\.safetensors, of which there is no such file/,
  ],
  "with a file that lacks a weight": [
    {
      "config.json": "{}",
      "model.safetensors.index.json": index({ a: "m-1.safetensors", b: "m-1.safetensors" }),
      "m-1.safetensors": { a: floats(1) },
    },
    /looks for "b" in m-1\.safetensors in vain/,
  ],
  "whose index leads out of it": [
    {
      "config.json": "{}",
      "model.safetensors.index.json": index({ a: "../other.safetensors" }),
    },
    /"weight_map\.a" must be the name of a file: current value is "\.\.\/other\.safetensors"/,
  ],
  "whose index has no map": [
    { "config.json": "{}", "model.safetensors.index.json": "{}" },
    /weight_map" as its content must be an object: it is missing/,
  ],
};

for (const [name, [files, message]] of Object.entries(BROKEN)) {
  Deno.test(`openModelFolder() refuses a folder ${name}`, async () => {
    await using folder = await temporaryFolder();
    await writeFolder(folder.path, files);
    await assert.rejects(openModelFolder(folder.path), { name: "UserError", message });
  });
}

Deno.test("openModelFolder() says that a folder does not exist", async () => {
  await assert.rejects(openModelFolder("/nowhere/model"), {
    name: "UserError",
    message: 'Cannot use model "/nowhere/model": there is no such folder',
  });
});

testWithData(
  "openModelFolder() reads every model that transformers saved",
  { data: "golden/models" },
  async (path) => {
    let sharded: readonly string[] = [];
    let single: readonly string[] = [];
    for await (const { name } of Deno.readDir(path)) {
      using model = await openModelFolder(join(path, name));
      if (name === "qwen3") single = model.weightNames.toSorted();
      if (name === "qwen3_sharded") sharded = model.weightNames.toSorted();
      for (const weight of model.weightNames) {
        const { data } = await model.readWeight(weight, model.shapeOf(weight));
        assert.ok(data.every(Number.isFinite), `${name} ${weight}`);
      }
    }
    assert.ok(single.length > 10);
    assert.deepEqual(sharded, single);
  },
);
