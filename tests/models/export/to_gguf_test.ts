import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import converted from "../../fixtures/gguf/converted.json" with { type: "json" };
import { type GgufFile, openGguf } from "../../../src/engine/tensor/gguf/gguf_file.ts";
import type { GgufFileType } from "../../../src/models/export/to_gguf.ts";
import { openModelFolder } from "../../../src/models/hub/folder.ts";
import type { JsonObject } from "../../../src/utils/json.ts";
import { testWithData } from "../../shared_data.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { writeGguf } from "./written_gguf.ts";

type TensorEntry = readonly [type: string, shape: readonly number[], hash: string];

/** What must be changed of a configuration so that llama.cpp computes the same model. */
const CHANGES: Readonly<Record<string, JsonObject>> = {
  "golden/models/gemma3": { query_pre_attn_scalar: 16 },
};

/** Keys that are written and that the converter does not write, but llama.cpp reads. */
const MORE_KEYS: Readonly<Record<string, readonly string[]>> = {
  "golden/models/gemma3": ["gemma3.attention.sliding_window_pattern"],
};

for (const [name, expected] of Object.entries(converted)) {
  const [data, type] = name.split(" ") as [string, GgufFileType];
  testWithData(
    `exportGguf() writes what llama.cpp's converter writes: ${name}`,
    { data },
    async (folder) => {
      await using temporary = await temporaryFolder();
      const to = `${temporary.path}/model.gguf`;
      await writeGguf(folder, { to, type, config: CHANGES[data] ?? {} });
      using file = await openGguf(to);
      const tensors = await tensorsOf(file);
      assert.deepEqual(tensors, expected.tensors as unknown as Record<string, TensorEntry>);
      const metadata = Object.fromEntries(
        [...file.metadata].filter(([key]) =>
          key !== "general.name" && !key.startsWith("tokenizer.") &&
          !MORE_KEYS[data]?.includes(key)
        ).map(([key, { type, value }]) => [key, [type, value]]),
      );
      assert.deepEqual(metadata, expected.metadata as Record<string, unknown>);
    },
  );
}

async function tensorsOf(file: GgufFile): Promise<Record<string, TensorEntry>> {
  const bytes = await Deno.readFile(file.path);
  const tensors: Record<string, TensorEntry> = {};
  for (const [name, { type, shape, offsetBytes, sizeBytes }] of file.tensors) {
    const part = bytes.subarray(offsetBytes, offsetBytes + sizeBytes);
    const hash = createHash("sha256").update(part).digest("hex").slice(0, 16);
    tensors[name] = [type, [...shape], hash];
  }
  return tensors;
}

const F32_CASES = Object.keys(converted).filter((name) => name.endsWith(" f32"));

for (const name of F32_CASES) {
  const [data] = name.split(" ") as [string];
  testWithData(
    `a model written as GGUF and opened again has the same weights: ${data}`,
    { data },
    async (folder) => {
      await using temporary = await temporaryFolder();
      const to = `${temporary.path}/model.gguf`;
      await writeGguf(folder, { to, config: CHANGES[data] ?? {} });
      using before = await openModelFolder(folder);
      using after = await openModelFolder(to);
      assert.deepEqual(new Set(after.weightNames), new Set(before.weightNames));
      for (const weight of before.weightNames) {
        const shape = before.shapeOf(weight);
        const [a, b] = [await before.readWeight(weight), await after.readWeight(weight, shape)];
        // one is added to Gemma's norms and taken away again
        const bound = data.endsWith("gemma3") && weight.endsWith("norm.weight") ? 2 ** -23 : 0;
        a.data.forEach((value, i) => assert.ok(Math.abs(value - b.data[i]!) <= bound, weight));
      }
    },
  );
}

testWithData(
  "exportGguf() refuses what llama.cpp computes otherwise and says what it leaves out",
  { data: "golden/models" },
  async (models) => {
    await using temporary = await temporaryFolder();
    const to = `${temporary.path}/model.gguf`;
    await assert.rejects(
      writeGguf(`${models}/gemma3`, { to }),
      /llama.cpp computes a gemma3 of this size with "query_pre_attn_scalar" 16, .* is 20/,
    );
    await assert.rejects(
      writeGguf(`${models}/qwen3_moe`, { to }),
      /Cannot export a qwen3_moe to GGUF: it is possible for llama, mistral, qwen2/,
    );
    assert.match(
      (await writeGguf(`${models}/mistral`, { to })).join(),
      /without its sliding window: texts of more than 6 tokens/,
    );
  },
);
