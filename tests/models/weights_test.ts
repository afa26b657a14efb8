import assert from "node:assert/strict";
import { join } from "node:path";
import { safetensorsContent } from "../../src/engine/tensor/safetensors_writer.ts";
import { tensor } from "../../src/engine/tensor/tensor.ts";
import { createModel } from "../../src/models/architectures.ts";
import { openModelFolder } from "../../src/models/hub/folder.ts";
import { readWeights } from "../../src/models/weights.ts";
import { writeFileAtomic } from "../../src/utils/atomic_file.ts";
import { temporaryFolder } from "../temporary_folder.ts";

const CONFIG = {
  model_type: "gpt2",
  vocab_size: 4,
  n_positions: 3,
  n_embd: 2,
  n_head: 1,
  n_layer: 1,
};
const MODEL = createModel(CONFIG);

/** The names of the weights read from a file in which weights have the names that `rename` gives them. */
async function readAs(
  rename: (name: string) => string,
  { extra = [] }: { readonly extra?: readonly string[] } = {},
): Promise<string[]> {
  await using folder = await temporaryFolder();
  const zeros = (shape: readonly number[]) =>
    tensor(
      "float32",
      shape,
      new Float32Array(shape.reduce((product, extent) => product * extent, 1)),
    );
  const tensors = [
    ...MODEL.weights.map(({ name, shape }) => [rename(name), zeros(shape)] as const),
    ...extra.map((name) => [name, zeros([1])] as const),
  ];
  await writeFileAtomic(join(folder.path, "config.json"), JSON.stringify(CONFIG));
  await writeFileAtomic(join(folder.path, "model.safetensors"), safetensorsContent(tensors));
  using opened = await openModelFolder(folder.path);
  const names: string[] = [];
  for await (const { name } of readWeights(MODEL, opened)) names.push(name);
  return names;
}

const NAMES = MODEL.weights.map(({ name }) => name);
const short = (name: string) => name.replace(/^transformer\./, "");

Deno.test("readWeights() finds weights under their other names, and gives them their own", async () => {
  assert.deepEqual(await readAs((name) => name), NAMES);
  assert.deepEqual(await readAs(short), NAMES);
  const tied = (name: string) => name === "transformer.wte.weight" ? "lm_head.weight" : name;
  assert.deepEqual(await readAs(tied), NAMES);
});

Deno.test("readWeights() passes over what old files store besides, and nothing else", async () => {
  const masks = ["h.0.attn.bias", "h.0.attn.masked_bias", "transformer.h.0.attn.bias"];
  assert.deepEqual(await readAs(short, { extra: masks }), NAMES);
  assert.deepEqual(await readAs(short, { extra: ["lm_head.weight"] }), NAMES);
  for (const name of ["h.0.attn.c_attn.scale", "h.1.attn.c_attn.bias", "score.weight"]) {
    await assert.rejects(readAs(short, { extra: [name] }), {
      name: "UserError",
      message: new RegExp(`it stores "${name}", which a gpt2 .* does not have`),
    });
  }
});

Deno.test("readWeights() names a weight that is missing as the model calls it", async () => {
  const other = (name: string) => name === "transformer.ln_f.bias" ? "h.0.attn.bias" : name;
  await assert.rejects(readAs(other), /it has no weight "transformer\.ln_f\.bias"/);
});
