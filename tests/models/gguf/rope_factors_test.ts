import assert from "node:assert/strict";
import fc from "fast-check";
import {
  findLlama3Scaling,
  llama3Factors,
  type Llama3Scaling,
} from "../../../src/models/gguf/rope_factors.ts";

const LLAMA3 = { theta: 500_000, rotaryDim: 64 };

Deno.test("findLlama3Scaling() finds the numbers of Llama 3.2 in the factors they give", () => {
  const scaling: Llama3Scaling = {
    factor: 32,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  };
  assert.deepEqual(findLlama3Scaling(llama3Factors(scaling, LLAMA3), LLAMA3), scaling);
});

Deno.test("findLlama3Scaling() finds numbers that give the same factors, however few lie between", () => {
  fc.assert(fc.property(
    fc.record({
      factor: fc.constantFrom(2, 4, 8, 32),
      low_freq_factor: fc.constantFrom(1, 2),
      high_freq_factor: fc.constantFrom(3, 4, 16),
      original_max_position_embeddings: fc.constantFrom(64, 256, 8192),
    }),
    fc.record({
      theta: fc.constantFrom(500, 10_000, 500_000),
      rotaryDim: fc.constantFrom(8, 16, 64, 128),
    }),
    (scaling, base) => {
      const factors = llama3Factors(scaling, base);
      if (factors.every((factor) => factor === factors[0])) return; // nothing to tell them by
      const found = findLlama3Scaling(factors, base);
      assert.ok(found !== undefined, JSON.stringify({ scaling, base, factors }));
      const again = llama3Factors(found, base);
      factors.forEach((factor, i) => assert.ok(Math.abs(again[i]! / factor - 1) < 2e-5));
    },
  ));
});

Deno.test("findLlama3Scaling() finds nothing in other factors", () => {
  const factors = Float32Array.from({ length: 32 }, (_, i) => 1 + i % 3);
  assert.equal(findLlama3Scaling(factors, LLAMA3), undefined);
});
