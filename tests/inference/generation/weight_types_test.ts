import assert from "node:assert/strict";
import { loadModel } from "../../../src/inference/generation/load_model.ts";
import { score } from "../../../src/inference/generation/score.ts";
import { chooseWeights, WEIGHT_TYPES } from "../../../src/inference/generation/weight_types.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { sharedData, testWithData } from "../../shared_data.ts";

const STORIES = "datasets/tinystories";

/** How much worse a model may find a text than with float32, as a part of its loss. */
const BOUNDS = { f32: 1e-4, f16: 1e-3, int8: 0.01, int4: 0.04 };

Deno.test("chooseWeights() leaves small models exact and takes what suits the device", () => {
  const large = { parameters: 135e6 };
  assert.equal(chooseWeights("auto", { device: "wasm", ...large }), "int8");
  assert.equal(chooseWeights("auto", { device: "native", ...large }), "int8");
  assert.equal(chooseWeights("auto", { device: "native", parameters: 1e6 }), "f32");
  assert.equal(chooseWeights("int4", { device: "native", parameters: 1e6 }), "int4");
});

for (const device of AVAILABLE_DEVICES) {
  testWithData(
    `loadModel() on ${device} finds a text as likely with each form of weights, to its rounding`,
    { data: "models/TinyStories-656K" },
    async (folder) => {
      const text = await Deno.readTextFile(sharedData(`${STORIES}/cs336_tinystories_sample.txt`)!);
      let exact: number | undefined;
      for (const weights of WEIGHT_TYPES) {
        await using model = await loadModel(folder, { device, threads: 2, weights });
        assert.equal(model.weightType, weights);
        const ids = model.tokenizer!.encode(text.slice(0, 600));
        const scores = await score(model.decoder, ids);
        const loss = -scores.slice(1).reduce((sum, one) => sum + one!.logprob, 0) / ids.length;
        exact ??= loss;
        // A model of less than a million parameters feels rounding more than those that are worth it.
        const bound = 2 * BOUNDS[weights] * exact;
        assert.ok(Math.abs(loss - exact) <= bound, `${weights}: ${loss}, not ${exact}`);
      }
    },
  );

  testWithData(
    `loadModel() on ${device} with small integers gives a row the same logits whatever runs beside it`,
    { data: "models/TinyStories-656K" },
    async (folder) => {
      for (const weights of ["int8", "int4"] as const) {
        await using model = await loadModel(folder, { device, threads: 2, weights });
        const { decoder } = model;
        const prompts = [[1, 80, 147], [1, 300, 21, 7, 500, 600], [2, 3], [1, 9, 8, 7]];
        const next = async (together: boolean): Promise<Float32Array[]> => {
          const sequences = prompts.map(() => decoder.open());
          const made: Float32Array[] = [];
          for (const [i, ids] of prompts.entries()) {
            await decoder.extend([{ sequence: sequences[i]!, ids }]);
          }
          if (together) {
            const all = sequences.map((sequence, i) => ({ sequence, ids: [40 + 99 * i] }));
            made.push(...(await decoder.extend(all)).map((logits) => logits.slice()));
          } else {
            for (const [i, sequence] of sequences.entries()) {
              const [logits] = await decoder.extend([{ sequence, ids: [40 + 99 * i] }]);
              made.push(logits!.slice());
            }
          }
          for (const sequence of sequences) sequence[Symbol.dispose]();
          return made;
        };
        const [alone, together] = [await next(false), await next(true)];
        for (const [i, logits] of alone.entries()) {
          const scale = Math.max(...logits.map(Math.abs));
          const off = logits.reduce(
            (most, logit, id) => Math.max(most, Math.abs(logit - together[i]![id]!)),
            0,
          );
          // A sum in another order may round an activation to the next of 127 steps, no more.
          assert.ok(off <= 0.02 * scale, `${weights}, row ${i}: ${off} of ${scale}`);
        }
      }
    },
  );
}

const SMOLLM2 = Deno.env.get("LLM_TRAINING_SMOLLM2");
for (const device of AVAILABLE_DEVICES.filter((device) => device !== "webgpu")) {
  Deno.test({
    name: `SmolLM2-135M-Instruct on ${device} with small integers is within 1 and 4 % of its loss` +
      (SMOLLM2 === undefined ? " (skipped: no LLM_TRAINING_SMOLLM2)" : ""),
    ignore: SMOLLM2 === undefined || sharedData("golden/SmolLM2-135M-Instruct.json") === undefined,
    async fn() {
      const golden = JSON.parse(
        await Deno.readTextFile(sharedData("golden/SmolLM2-135M-Instruct.json")!),
      );
      const text = await Deno.readTextFile(sharedData("datasets/tinyshakespeare/input.txt")!);
      const types = device === "wasm" ? ["int8"] as const : ["int8", "int4"] as const;
      for (const weights of types) {
        await using model = await loadModel(SMOLLM2!, { device, threads: 2, weights });
        const ids = model.tokenizer!.encode(text.slice(0, 2000));
        const scores = await score(model.decoder, ids);
        const loss = -scores.slice(1).reduce((sum, one) => sum + one!.logprob, 0) /
          (ids.length - 1);
        const exact: number = golden.nll.f32.mean_nll;
        assert.ok(
          Math.abs(loss / exact - 1) <= BOUNDS[weights],
          `${weights}: ${loss}, not ${exact}`,
        );
      }
    },
  });
}
