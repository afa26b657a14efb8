import assert from "node:assert/strict";
import { embedTokens } from "../../../src/inference/embeddings/embedder.ts";
import type { Decoder } from "../../../src/inference/generation/decoder.ts";
import { openModelDecoder } from "../../../src/inference/generation/model_decoder.ts";
import { createPooler, type Pooling } from "../../../src/inference/generation/pooling.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import golden from "../../fixtures/embeddings.json" with { type: "json" };
import { readModel } from "../../models/golden_models.ts";
import { testWithData } from "../../shared_data.ts";

const { signal } = new AbortController();
const OPTIONS = { cacheBytes: 2 ** 28, others: 0, signal };

function canEmbed(decoder: Decoder): asserts decoder is Decoder & { readonly hiddenSize: number } {
  assert.ok(decoder.hiddenSize !== undefined);
}

function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assert.equal(a.length, b.length);
  return Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i]!)));
}

for (const device of AVAILABLE_DEVICES) {
  testWithData(
    `embedTokens() on ${device} gives transformers' hidden states, pooled`,
    { data: "models/TinyStories-656K" },
    async (folder) => {
      const { model, weights } = await readModel(folder);
      await using decoder = await openModelDecoder(model, { device, threads: 2, weights });
      canEmbed(decoder);
      for (const pooling of ["last", "mean", "cls"] as const) {
        const cases = golden.filter((each) => each.pooling === pooling);
        const texts = cases.map(({ ids }) => ids);
        const vectors = await embedTokens(decoder, texts, { ...OPTIONS, pooling });
        for (const [i, { vector }] of cases.entries()) {
          assert.ok(difference(vectors[i]!, vector) < 2e-5, `${pooling} of text ${i}`);
        }
      }
    },
  );
}

testWithData(
  "embedTokens() leaves what is generated meanwhile as it is, and no memory open",
  { data: "models/TinyStories-656K" },
  async (folder) => {
    const { model, weights } = await readModel(folder);
    await using decoder = await openModelDecoder(model, { device: "wasm", threads: 2, weights });
    canEmbed(decoder);
    using sequence = decoder.open();
    const ids = [5, 6, 7];
    const [first] = await decoder.extend([{ sequence, ids }]);
    const expected = first!.slice();
    await embedTokens(decoder, [[8, 9], Array.from({ length: 300 }, () => 9)], {
      ...OPTIONS,
      pooling: "last",
    });
    using other = decoder.open();
    const [again] = await decoder.extend([{ sequence: other, ids }]);
    assert.deepEqual(again, expected);
    const { memory } = decoder;
    memory!.compact(2);
    assert.ok(memory!.bytes <= 2 * 64 * memory!.bytesPerToken);
  },
);

testWithData(
  "embedTokens() ends when it is called off",
  { data: "models/TinyStories-656K" },
  async (folder) => {
    const { model, weights } = await readModel(folder);
    await using decoder = await openModelDecoder(model, { device: "wasm", threads: 2, weights });
    canEmbed(decoder);
    const controller = new AbortController();
    const texts = Array.from({ length: 50 }, () => Array.from({ length: 400 }, () => 9));
    const options = { ...OPTIONS, signal: controller.signal, pooling: "mean" as const };
    const embedded = embedTokens(decoder, texts, options);
    controller.abort(new Error("enough"));
    await assert.rejects(embedded, /enough/);
  },
);

Deno.test("createPooler() pools pieces as it does the whole", () => {
  const rows = Float32Array.from([3, 4, 1, 0, 2, 2]);
  const unit = (x: number, y: number) =>
    Float32Array.of(x / Math.hypot(x, y), y / Math.hypot(x, y));
  const cases: readonly (readonly [Pooling, Float32Array])[] = [
    ["last", unit(2, 2)],
    ["mean", unit(6, 6)],
    ["cls", unit(3, 4)],
  ];
  for (const [pooling, expected] of cases) {
    for (const cut of [0, 2, 4, 6]) {
      const pooler = createPooler(pooling, 2);
      if (cut > 0) pooler.add(rows.subarray(0, cut));
      if (cut < 6) pooler.add(rows.subarray(cut));
      assert.deepEqual(pooler.finish(), expected, `${pooling} cut at ${cut}`);
    }
  }
});
