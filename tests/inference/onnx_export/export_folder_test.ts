import assert from "node:assert/strict";
import { join } from "node:path";
import { decodeModel } from "../../../src/engine/onnx/model.ts";
import { ONNX_VARIANTS, type OnnxType } from "../../../src/inference/onnx_export/weight_types.ts";
import { createModel } from "../../../src/models/architectures.ts";
import { loadTokenizer } from "../../../src/models/tokenizer/load_tokenizer.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { DIFFERENT_MODELS, readExpected } from "../../models/golden_models.ts";
import { sharedData, testWithData } from "../../shared_data.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { type ExportedBatch, type ExportedSession, openExported } from "./exported_session.ts";
import { exportModel } from "./export_model.ts";

/** The bound on errors, relative to the largest logit. */
const BOUND = 2e-5;

/** Tokens that are read before the others, so that these find a cache. */
const FIRST_TOKENS = 7;

const TINY_STORIES = { data: "models/TinyStories-656K" };

/** What TinyStories-656K loses on the first 512 tokens of Shakespeare, by PyTorch. */
const SHAKESPEARE_LOSS = 5.7908;

/** How much more each type may lose, relatively. */
const EXCESS: Readonly<Record<OnnxType, number>> = { f32: 1e-5, f16: 1e-4, q8_0: 2e-3, q4_0: 1e-2 };

/** The model that runs on every device; the others, whose nodes are the same, on one. */
const MODEL_ON_ALL_DEVICES = "qwen3";

const CPU = AVAILABLE_DEVICES.find((device) => device !== "webgpu")!;

for (const name of DIFFERENT_MODELS) {
  const devices = name === MODEL_ON_ALL_DEVICES ? AVAILABLE_DEVICES : [CPU];
  testWithData(
    `exportOnnxFolder() ${name}: logits of transformers with any padding, at once and after a cache; greedy ids`,
    { data: `golden/models/${name}` },
    async (golden) => {
      await using folder = await temporaryFolder();
      const output = join(folder.path, "onnx-model");
      await exportModel(golden, { path: output });
      const model = createModel(JSON.parse(await Deno.readTextFile(join(golden, "config.json"))));
      const expected = readExpected(golden);
      for (const device of devices) {
        await using session = await openExported(join(output, "onnx", "model.onnx"), {
          model,
          device,
        });
        for (const { name, logits, logit_scale, ...batch } of expected.cases) {
          const { input_ids: ids, attention_mask: mask, position_ids: positions } = batch;
          const whole = await session.run({ ids, mask, positions });
          const first = await session.run(cut({ ids, mask, positions }, 0, FIRST_TOKENS));
          const rest = { ...cut({ ids, mask, positions }, FIRST_TOKENS), mask };
          const { logits: later } = await session.run(rest, first.cache);
          const error = (made: Float32Array, from: number): number => {
            let worst = 0;
            const count = made.length / (model.vocabSize * logits.length);
            for (const [row, tokens] of logits.entries()) {
              for (const [token, wanted] of tokens.slice(from, from + count).entries()) {
                const start = (row * count + token) * model.vocabSize;
                for (const [i, logit] of (wanted ?? []).entries()) {
                  worst = Math.max(worst, Math.abs(made[start + i]! - logit));
                }
              }
            }
            return worst / logit_scale;
          };
          const errors = [error(whole.logits.data, 0), error(later.data, FIRST_TOKENS)];
          assert.ok(Math.max(...errors) <= BOUND, `${device}, ${name}: ${errors}`);
        }
        if (device === "webgpu") continue; // in software, a second for each token
        for (const { prompt_ids, new_ids } of expected.greedy) {
          assert.deepEqual(await greedy(session, prompt_ids, new_ids.length), new_ids, device);
        }
      }
    },
  );
}

for (const type of Object.keys(ONNX_VARIANTS) as OnnxType[]) {
  const bound = EXCESS[type];
  testWithData(
    `exportOnnxFolder() ${type}: loses on Shakespeare what PyTorch loses, within ${bound * 100} %`,
    TINY_STORIES,
    async (source) => {
      await using folder = await temporaryFolder();
      const output = join(folder.path, "model");
      await exportModel(source, { path: output, type });
      const model = createModel(JSON.parse(await Deno.readTextFile(join(source, "config.json"))));
      const text = await Deno.readTextFile(sharedData("datasets/tinyshakespeare/input.txt")!);
      const ids = (await loadTokenizer(source))!.encode(text.slice(0, 2000)).slice(0, 512);
      for (const device of AVAILABLE_DEVICES.filter((it) => it !== "webgpu")) {
        await using session = await openExported(join(output, "onnx", ONNX_VARIANTS[type].file), {
          model,
          device,
          half: ONNX_VARIANTS[type].cacheDtype === "float16",
        });
        const { logits } = await session.run(batchOf(ids));
        const loss = lossOf(logits.data, ids);
        assert.ok(Math.abs(loss / SHAKESPEARE_LOSS - 1) <= bound, `${device}: ${loss}`);
      }
    },
  );
}

testWithData(
  "exportOnnxFolder() writes several types into one folder, the last as the default, and keeps other files",
  TINY_STORIES,
  async (source) => {
    await using folder = await temporaryFolder();
    const output = join(folder.path, "model");
    await Deno.mkdir(output);
    await Deno.writeTextFile(join(output, "README.md"), "mine");
    const progress: number[] = [];
    await exportModel(source, {
      path: output,
      maxFileBytes: 2_000_000,
      onProgress: (done, total) => progress.push(done / total),
    });
    const names = await exportModel(source, { path: output, type: "q4_0" });
    assert.equal(names.at(-1), "config.json");
    assert.equal(progress.at(-1), 1);
    const files = await namesIn(join(output, "onnx"));
    assert.deepEqual(files, [
      "model.onnx",
      "model.onnx_data",
      "model.onnx_data_1",
      "model_q4.onnx",
    ]);
    assert.deepEqual(await namesIn(output), [
      "README.md",
      "config.json",
      "generation_config.json",
      "onnx",
      "special_tokens_map.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    const { "transformers.js_config": settings, ...config } = JSON.parse(
      await Deno.readTextFile(join(output, "config.json")),
    );
    assert.deepEqual(config, JSON.parse(await Deno.readTextFile(join(source, "config.json"))));
    assert.deepEqual(settings, {
      dtype: "q4",
      kv_cache_dtype: { fp16: "float16" },
      use_external_data_format: { "model.onnx": 2 },
    });
    const { inputs, outputs } = decodeModel(
      await Deno.readFile(join(output, "onnx", "model_q4.onnx")),
    );
    assert.deepEqual(inputs.slice(0, 4).map(({ name, shape }) => [name, ...shape]), [
      ["input_ids", "batch_size", "sequence_length"],
      ["attention_mask", "batch_size", "past_sequence_length+sequence_length"],
      ["position_ids", "batch_size", "sequence_length"],
      ["past_key_values.0.key", "batch_size", 4, "past_sequence_length", 16],
    ]);
    assert.deepEqual(outputs[0]!.shape, ["batch_size", "sequence_length", 2048]);
  },
);

testWithData(
  "exportOnnxFolder() leaves nothing behind when it is ended",
  TINY_STORIES,
  async (source) => {
    await using folder = await temporaryFolder();
    const output = join(folder.path, "model");
    const exporting = exportModel(source, {
      path: output,
      onProgress() {
        throw new DOMException("enough", "AbortError");
      },
    });
    await assert.rejects(exporting, { name: "AbortError" });
    assert.deepEqual(await namesIn(output), []);
  },
);

async function namesIn(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  return entries.map(({ name }) => name).toSorted();
}

function batchOf(ids: readonly number[], past = 0): ExportedBatch {
  return {
    ids: [ids],
    mask: [new Array(past + ids.length).fill(1)],
    positions: [ids.map((_, i) => past + i)],
  };
}

function cut({ ids, mask, positions }: ExportedBatch, start: number, end?: number): ExportedBatch {
  const part = (rows: readonly (readonly number[])[]) => rows.map((row) => row.slice(start, end));
  return { ids: part(ids), mask: part(mask), positions: part(positions) };
}

async function greedy(
  session: ExportedSession,
  prompt: readonly number[],
  count: number,
): Promise<number[]> {
  const made: number[] = [];
  let { logits, cache } = await session.run(batchOf(prompt));
  while (true) {
    const last = logits.data.subarray(-logits.shape[2]!);
    made.push(last.indexOf(Math.max(...last)));
    if (made.length === count) return made;
    const past = prompt.length + made.length - 1;
    ({ logits, cache } = await session.run(batchOf(made.slice(-1), past), cache));
  }
}

/** Mean of −log p of each token given those before it. */
function lossOf(logits: Float32Array, ids: readonly number[]): number {
  const width = logits.length / ids.length;
  let total = 0;
  for (const [i, id] of ids.slice(1).entries()) {
    const row = logits.subarray(i * width, (i + 1) * width);
    const largest = Math.max(...row);
    const sum = row.reduce((sum, logit) => sum + Math.exp(logit - largest), 0);
    total += largest + Math.log(sum) - row[id]!;
  }
  return total / (ids.length - 1);
}
