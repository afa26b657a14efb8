import assert from "node:assert/strict";
import { mcNemarTest } from "../../../src/monitoring/comparison/binomial.ts";
import { holmCorrection } from "../../../src/monitoring/comparison/holm.ts";
import { normalQuantile, normalTail } from "../../../src/monitoring/comparison/normal.ts";
import {
  bootstrapInterval,
  permutationTest,
} from "../../../src/monitoring/comparison/resampling.ts";
import { wilcoxonTest } from "../../../src/monitoring/comparison/wilcoxon.ts";
import golden from "./statistics.json" with { type: "json" };

function near(actual: number, expected: number, relative: number): void {
  const bound = relative * Math.abs(expected);
  assert.ok(Math.abs(actual - expected) <= bound, `${actual} is not ${expected}`);
}

Deno.test("mcNemarTest() gives SciPy's exact binomial p-values", () => {
  for (const { p, ...counts } of golden.mcnemar) near(mcNemarTest(counts), p, 1e-9);
  assert.equal(mcNemarTest({ onlyFirst: 0, onlySecond: 0 }), 1);
});

Deno.test("wilcoxonTest() gives SciPy's p-values, exact, approximate and with ties and zeros", () => {
  for (const { differences, p } of golden.wilcoxon) near(wilcoxonTest(differences), p, 1e-9);
  assert.equal(wilcoxonTest([0, 0]), 1);
});

Deno.test("permutationTest() gives SciPy's p-values within the error of resampling", () => {
  for (const { differences, p } of golden.permutation) {
    const found = permutationTest(differences, { resamples: 20_000, seed: 3 });
    const error = Math.sqrt(p * (1 - p) / 20_000);
    assert.ok(Math.abs(found - p) < 4 * error + 1e-4, `${found} is not ${p}`);
  }
  assert.equal(permutationTest([0, 0, 0], { resamples: 100, seed: 1 }), 1);
});

Deno.test("bootstrapInterval() gives SciPy's percentile intervals within the error of resampling", () => {
  for (const { values, confidence, interval } of golden.bootstrap) {
    const found = bootstrapInterval(values, { resamples: 20_000, seed: 3, confidence });
    const spread = interval[1]! - interval[0]!;
    for (const [i, bound] of found.entries()) {
      assert.ok(Math.abs(bound - interval[i]!) < 0.02 * spread, `${bound} is not ${interval[i]}`);
    }
  }
});

Deno.test("bootstrapInterval() repeats itself for the same seed, and weights items", () => {
  const options = { resamples: 500, seed: 5, confidence: 0.9 };
  const values = [1, 2, 3, 10];
  assert.deepEqual(bootstrapInterval(values, options), bootstrapInterval(values, options));
  const weighted = bootstrapInterval(values, { ...options, weights: [0, 0, 0, 1] });
  assert.equal(weighted[1], 10);
});

Deno.test("normalTail() gives SciPy's probabilities and normalQuantile() turns them back", () => {
  for (const { z, tail } of golden.normal) {
    near(normalTail(z), tail, 1e-12);
    if (z > 0) near(normalQuantile(tail), z, 1e-9);
  }
});

Deno.test("holmCorrection() gives the corrected p-values of Holm's procedure", () => {
  const found = holmCorrection(golden.holm.p);
  for (const [i, p] of golden.holm.corrected.entries()) near(found[i]!, p, 1e-12);
});
