import assert from "node:assert/strict";
import fc from "fast-check";
import {
  chooseToken,
  distribution,
  likeliest,
  NEUTRAL_SAMPLING,
  type SamplingSettings,
} from "../../../src/inference/generation/sampling.ts";
import { testWithData } from "../../shared_data.ts";

interface GoldenSampling {
  readonly inputs: Readonly<
    Record<string, { logits: number[]; prompt_ids: number[]; generated_ids: number[] }>
  >;
  readonly cases: readonly {
    readonly logits: string;
    readonly settings: Readonly<Record<string, number>>;
    readonly survivors: readonly number[];
    readonly probabilities: readonly number[];
  }[];
}

function settingsOf(golden: Readonly<Record<string, number>>): SamplingSettings {
  const camelCase = Object.entries(golden).map(([key, value]) =>
    [key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()), value] as const
  );
  assert.ok(camelCase.every(([key]) => key in NEUTRAL_SAMPLING), "only known settings");
  return { ...NEUTRAL_SAMPLING, ...Object.fromEntries(camelCase) };
}

testWithData(
  "distribution() keeps the tokens and probabilities of transformers' logits processors",
  { data: "golden/sampling.json" },
  async (path) => {
    const golden: GoldenSampling = JSON.parse(await Deno.readTextFile(path));
    assert.equal(golden.cases.length, 159);
    for (const { logits, settings, survivors, probabilities } of golden.cases) {
      const input = golden.inputs[logits]!;
      const actual = distribution(Float32Array.from(input.logits), settingsOf(settings), {
        promptIds: input.prompt_ids,
        generatedIds: input.generated_ids,
      });
      const name = `${logits} ${JSON.stringify(settings)}`;
      assert.deepEqual([...actual.ids], survivors, name);
      for (const [i, expected] of probabilities.entries()) {
        assert.ok(Math.abs(actual.probabilities[i]! - expected) < 1e-6, name);
      }
    }
  },
);

const logitArrays = fc.array(fc.integer({ min: -12, max: 12 }), { minLength: 1, maxLength: 40 })
  .map((logits) => Float32Array.from(logits, (logit) => logit / 2));

Deno.test("distribution() with top-k and top-p keeps what sorting the whole vocabulary keeps", () => {
  fc.assert(fc.property(
    logitArrays,
    fc.integer({ min: 0, max: 45 }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    (logits, topK, topP) => {
      const { ids } = distribution(logits, { ...NEUTRAL_SAMPLING, topK, topP });
      let sorted = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b);
      if (topK > 0 && topK < sorted.length) {
        const edge = logits[sorted[topK - 1]!]!;
        sorted = sorted.filter((id) => logits[id]! >= edge);
      }
      const weights = sorted.map((id) => Math.exp(logits[id]!));
      const total = weights.reduce((a, b) => a + b);
      let before = 0;
      const kept = sorted.filter((_, rank) => {
        const keep = rank === 0 || topP === 1 || before / total < topP;
        const margin = Math.abs(before / total - topP);
        before += weights[rank]!;
        fc.pre(margin > 1e-9);
        return keep;
      });
      assert.deepEqual([...ids], kept.sort((a, b) => a - b));
    },
  ));
});

Deno.test("chooseToken() at temperature 0 takes the largest logit, the lowest id of a tie", () => {
  const sampling = { ...NEUTRAL_SAMPLING, temperature: 0 };
  const random = { next: (): number => assert.fail("nothing is drawn") };
  assert.equal(chooseToken(Float32Array.of(1, 3, 3, 2), { sampling, random }), 1);
  assert.equal(likeliest(Float32Array.of(-2, -1, -1)), 1);
});

Deno.test("chooseToken() at temperature 0 still heeds penalties", () => {
  const sampling = { ...NEUTRAL_SAMPLING, temperature: 0, presencePenalty: 2 };
  const history = { promptIds: [], generatedIds: [1] };
  const random = { next: () => 0 };
  assert.equal(chooseToken(Float32Array.of(1, 3, 2), { sampling, history, random }), 2);
});

Deno.test("chooseToken() draws each token as often as its probability says", () => {
  const logits = Float32Array.of(0, 1, 2);
  const { probabilities } = distribution(logits, NEUTRAL_SAMPLING);
  const counts = [0, 0, 0];
  const draws = 3000;
  for (let i = 0; i < draws; i++) {
    const random = { next: () => (i + 0.5) / draws }; // evenly spread numbers
    counts[chooseToken(logits, { sampling: NEUTRAL_SAMPLING, random })]! += 1 / draws;
  }
  for (const [id, share] of counts.entries()) {
    assert.ok(Math.abs(share - probabilities[id]!) <= 1 / draws, `token ${id}`);
  }
});
