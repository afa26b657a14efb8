import assert from "node:assert/strict";
import { NEUTRAL_SAMPLING } from "../../../src/inference/generation/sampling.ts";
import { generate } from "../../../src/inference/generation/generate.ts";
import { loadModel } from "../../../src/inference/generation/load_model.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { sharedData } from "../../shared_data.ts";

/** The folder of SmolLM2-135M-Instruct, 540 MB, with the weights that the golden numbers are of. */
const FOLDER = Deno.env.get("LLM_TRAINING_SMOLLM2");
const GOLDEN = sharedData("golden/SmolLM2-135M-Instruct.json");
const SHAKESPEARE = sharedData("datasets/tinyshakespeare/input.txt");

/** The bound on errors of logits, relative to the largest. */
const BOUND = 1e-4;

interface GoldenPrompt {
  readonly messages?: { readonly role: string; readonly content: string }[];
  readonly text: string;
  readonly ids: readonly number[];
  readonly f32: {
    readonly last_top20: readonly (readonly [id: number, logit: number])[];
    readonly greedy_ids: readonly number[];
    readonly greedy_text: string;
  };
}

const missing = FOLDER === undefined
  ? " (skipped: $LLM_TRAINING_SMOLLM2 names no folder)"
  : GOLDEN === undefined
  ? " (skipped: no golden numbers)"
  : "";

// In software, WebGPU would take minutes.
for (const device of AVAILABLE_DEVICES.filter((device) => device !== "webgpu")) {
  Deno.test({
    name:
      `SmolLM2-135M-Instruct on ${device} has transformers' ids, logits, text and loss${missing}`,
    ignore: missing !== "",
    async fn() {
      const { prompts, nll } = JSON.parse(await Deno.readTextFile(GOLDEN!));
      await using model = await loadModel(FOLDER!, { device, threads: 2 });
      const { decoder } = model;
      const tokenizer = model.tokenizer!;
      for (const { messages, text, ids, f32 } of prompts as GoldenPrompt[]) {
        const encoded = messages === undefined
          ? tokenizer.encode(text)
          : tokenizer.renderChat(messages, { addGenerationPrompt: true }).ids;
        assert.deepEqual(encoded, ids);
        using sequence = decoder.open();
        const [logits] = await decoder.extend([{ sequence, ids }]);
        const scale = Math.max(...f32.last_top20.map(([, logit]) => Math.abs(logit)));
        for (const [id, logit] of f32.last_top20) {
          assert.ok(
            Math.abs(logits![id]! - logit) <= BOUND * scale,
            `${id}: ${logits![id]} ${logit}`,
          );
        }
        let answer = "";
        const maxTokens = f32.greedy_ids.length;
        for await (
          const event of generate(decoder, tokenizer, {
            promptIds: ids,
            maxTokens,
            sampling: { ...NEUTRAL_SAMPLING, temperature: 0 },
            seed: 0,
            eosTokenIds: tokenizer.eosTokenIds,
          })
        ) {
          if (event.type === "output") answer += event.text;
        }
        assert.equal(answer, f32.greedy_text);
      }
      const ids = tokenizer.encode((await Deno.readTextFile(SHAKESPEARE!)).slice(0, 2000));
      assert.equal(ids.length, nll.ids_count);
      using sequence = decoder.open();
      const [logits] = await decoder.extend([{ sequence, ids }], { everyPosition: true });
      let loss = 0;
      for (let at = 0; at < ids.length - 1; at++) {
        const row = logits!.subarray(at * decoder.vocabSize, (at + 1) * decoder.vocabSize);
        const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
        const sum = row.reduce((total, logit) => total + Math.exp(logit - largest), 0);
        loss += largest + Math.log(sum) - row[ids[at + 1]!]!;
      }
      const mean = loss / (ids.length - 1);
      assert.ok(Math.abs(mean - nll.f32.mean_nll) <= 1e-4, `loss ${mean}, not ${nll.f32.mean_nll}`);
    },
  });
}
