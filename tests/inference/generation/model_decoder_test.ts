import assert from "node:assert/strict";
import type { Decoder } from "../../../src/inference/generation/decoder.ts";
import { openModelDecoder } from "../../../src/inference/generation/model_decoder.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { GOLDEN_MODELS, readExpected, readModel } from "../../models/golden_models.ts";
import { sharedData, testWithData } from "../../shared_data.ts";

function argmax(logits: Float32Array): number {
  return logits.indexOf(Math.max(...logits));
}

async function greedy(
  decoder: Decoder,
  { prompt, count }: { readonly prompt: readonly number[]; readonly count: number },
): Promise<number[]> {
  using sequence = decoder.open();
  let [logits] = await decoder.extend([{ sequence, ids: prompt }]);
  const ids = [argmax(logits!)];
  while (ids.length < count) {
    [logits] = await decoder.extend([{ sequence, ids: [ids.at(-1)!] }]);
    ids.push(argmax(logits!));
  }
  return ids;
}

for (const name of GOLDEN_MODELS) {
  for (const device of AVAILABLE_DEVICES) {
    testWithData(
      `extend() of ${name} on ${device} continues greedily as transformers does`,
      { data: `golden/models/${name}` },
      async (folder) => {
        const { model, weights } = await readModel(folder);
        await using decoder = await openModelDecoder(model, { device, threads: 2, weights });
        for (const { prompt_ids: prompt, new_ids: expected } of readExpected(folder).greedy) {
          const ids = await greedy(decoder, { prompt, count: expected.length });
          assert.deepEqual(ids, expected);
        }
      },
    );
  }
}

for (const device of AVAILABLE_DEVICES) {
  testWithData(
    `extend() of TinyStories-656K on ${device} has the golden logits and greedy ids`,
    { data: "models/TinyStories-656K" },
    async (folder) => {
      const golden = JSON.parse(
        await Deno.readTextFile(sharedData("golden/TinyStories-656K.json")!),
      );
      const { model, weights } = await readModel(folder);
      await using decoder = await openModelDecoder(model, { device, threads: 2, weights });
      using sequence = decoder.open();
      const [logits] = await decoder.extend([{ sequence, ids: golden.input_ids }], {
        everyPosition: true,
      });
      const last: number[] = golden.last_logits;
      const scale = Math.max(...last.map(Math.abs));
      const actual = logits!.subarray(-last.length);
      last.forEach((logit, i) => assert.ok(Math.abs(actual[i]! - logit) <= 2e-5 * scale));
      const prompt: number[] = golden.input_ids;
      const expected: number[] = golden.greedy_ids.slice(prompt.length);
      assert.deepEqual(await greedy(decoder, { prompt, count: expected.length }), expected);
    },
  );
  testWithData(
    `extend() of stories260K on ${device} has the golden greedy ids`,
    { data: "models/stories260K-hf" },
    async (folder) => {
      const golden = JSON.parse(await Deno.readTextFile(sharedData("golden/stories260K.json")!));
      const { model, weights } = await readModel(folder);
      await using decoder = await openModelDecoder(model, { device, threads: 2, weights });
      const expected: number[] = golden.greedy_ids_from_bos;
      const count = device === "webgpu" ? 60 : expected.length - 1;
      const ids = await greedy(decoder, { prompt: expected.slice(0, 1), count });
      assert.deepEqual(ids, expected.slice(1, count + 1));
    },
  );
}

/** Models whose layers attend differently: to everything, to a window, with learned positions. */
const SEVERAL = {
  "models/TinyStories-656K": [[1, 80, 147], [1, 80], [1, 201, 282, 215, 286], [1]],
  "golden/models/gemma3": [[9, 80, 47], [9, 80, 13, 14, 15, 16, 17, 18, 19], [3], [44, 45]],
  "golden/models/gpt2": [[9, 80, 47], [9, 80, 13, 14, 15, 16, 17, 18, 19], [3], [44, 45]],
};

for (const [data, prompts] of Object.entries(SEVERAL)) {
  const count = data.startsWith("golden") ? 40 : 80;
  testWithData(
    `extend() of several sequences of ${data} at once, opened and closed in between, is extend() of each alone`,
    { data },
    async (folder) => {
      const { model, weights } = await readModel(folder);
      await using decoder = await openModelDecoder(model, { device: "wasm", threads: 2, weights });
      const alone: number[][] = [];
      for (const prompt of prompts) alone.push(await greedy(decoder, { prompt, count }));

      const closed = decoder.open();
      const sequences = prompts.map(() => decoder.open());
      const ids: number[][] = [];
      for (const [i, sequence] of sequences.entries()) {
        const [logits] = await decoder.extend([{ sequence, ids: prompts[i]! }]);
        ids.push([argmax(logits!)]);
      }
      closed[Symbol.dispose]();
      for (let step = 1; step < count; step++) {
        // The second pauses every other step, so that a slot between others is idle.
        const active = sequences.flatMap((sequence, i) =>
          i === 1 && step % 2 === 0 ? [] : [{ sequence, i }]
        );
        const logits = await decoder.extend(
          active.map(({ sequence, i }) => ({ sequence, ids: [ids[i]!.at(-1)!] })),
        );
        for (const [at, { i }] of active.entries()) ids[i]!.push(argmax(logits[at]!));
      }
      for (const [i, row] of ids.entries()) assert.deepEqual(row, alone[i]!.slice(0, row.length));
      for (const sequence of sequences) sequence[Symbol.dispose]();
    },
  );
}

for (const data of ["models/stories260K-hf", "golden/models/gemma3"]) {
  testWithData(
    `extend() of ${data} reads a long prompt in pieces as if it were read token by token`,
    { data },
    async (folder) => {
      const { model, weights } = await readModel(folder);
      await using decoder = await openModelDecoder(
        { ...model, maxPositions: 2048 },
        { device: "native", threads: 2, weights },
      );
      const ids = Array.from({ length: 700 }, (_, i) => 3 + (i * 37) % (model.vocabSize - 12));
      using whole = decoder.open();
      const [logits] = await decoder.extend([{ sequence: whole, ids }], { everyPosition: true });
      using single = decoder.open();
      for (const [i, id] of ids.entries()) {
        const [row] = await decoder.extend([{ sequence: single, ids: [id] }]);
        if (i % 100 !== 99) continue;
        const same = logits!.subarray(i * model.vocabSize, (i + 1) * model.vocabSize);
        row!.forEach((logit, j) => assert.ok(Math.abs(logit - same[j]!) < 1e-3, `token ${i}`));
      }
    },
  );
}
