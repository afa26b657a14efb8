import assert from "node:assert/strict";
import { join } from "node:path";
import { tensor } from "../../../src/engine/tensor/tensor.ts";
import { openModelFolder } from "../../../src/models/hub/folder.ts";
import { saveModelFolder } from "../../../src/models/hub/save_model.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(folder)) found.push(name);
  return found.sort();
}

const contents = (value: number) => ({
  config: { model_type: "llama", value },
  tensors: [["a", tensor("float32", [2], Float32Array.of(value, -value))]] as const,
  tokenizerFiles: new Map([["tokenizer.json", new TextEncoder().encode("{}")]]),
});

Deno.test("saveModelFolder() writes a folder that openModelFolder() reads", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "new", "model");
  await saveModelFolder({ path, ...contents(3), generationConfig: { eos_token_id: 2 } });
  assert.deepEqual(await names(path), [
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
  ]);
  using model = await openModelFolder(path);
  assert.deepEqual(model.config, { model_type: "llama", value: 3 });
  assert.deepEqual(model.generationConfig, { eos_token_id: 2 });
  assert.deepEqual((await model.readWeight("a")).data, Float32Array.of(3, -3));
});

Deno.test("saveModelFolder() replaces a model, shards included, and keeps what else is there", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await Deno.writeTextFile(join(path, "metrics.jsonl"), "{}\n");
  await Deno.writeTextFile(join(path, "model.safetensors.index.json"), "{}");
  await saveModelFolder({ path, ...contents(3) });
  await saveModelFolder({ path, ...contents(4) });
  assert.deepEqual(await names(path), [
    "config.json",
    "metrics.jsonl",
    "model.safetensors",
    "tokenizer.json",
  ]);
  using model = await openModelFolder(path);
  assert.deepEqual((await model.readWeight("a")).data, Float32Array.of(4, -4));
});

Deno.test("saveModelFolder() leaves the old model as it was when writing fails", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await saveModelFolder({ path, ...contents(3) });
  const failing = {
    dtype: "float32",
    shape: [1],
    download: () => Promise.reject(new Error("lost")),
  } as const;
  await assert.rejects(
    saveModelFolder({ path, ...contents(4), tensors: [...contents(4).tensors, ["b", failing]] }),
    /lost/,
  );
  assert.deepEqual(await names(path), ["config.json", "model.safetensors", "tokenizer.json"]);
  using model = await openModelFolder(path);
  assert.deepEqual((await model.readWeight("a")).data, Float32Array.of(3, -3));
});

Deno.test("saveModelFolder() names a place where no folder can be", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(join(folder.path, "file"), "");
  const path = join(folder.path, "file", "model");
  await assert.rejects(saveModelFolder({ path, ...contents(1) }), {
    name: "UserError",
    message: /^Cannot write ".*file\/model": a part of its path is a file/,
  });
});
