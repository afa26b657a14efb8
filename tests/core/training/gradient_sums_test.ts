import assert from "node:assert/strict";
import { GradientSums } from "../../../src/core/training/gradient_sums.ts";
import { tensor } from "../../../src/engine/tensor/tensor.ts";

Deno.test("GradientSums adds what later graphs compute, and begins anew after clear()", async () => {
  const [a, b, c] = [Float32Array.of(9, 9), Float32Array.of(9), Float32Array.of(9)];
  const sums = new GradientSums({
    a: tensor("float32", [2], a),
    b: tensor("float32", [1], b),
    c: tensor("float32", [1], c),
  });
  const add = (gradients: Readonly<Record<string, readonly number[]>>) =>
    sums.add(Object.keys(gradients), (into) => {
      for (const [name, values] of Object.entries(gradients)) into[name]!.data.set(values);
      return Promise.resolve(into);
    });
  const first = await add({ a: [1, 2] });
  assert.equal(first["a"]!.data, a, "the first is written in place");
  await add({ b: [3], a: [10, 20] });
  await add({ a: [100, 200], b: [30] });
  sums.complete();
  assert.deepEqual([a, b, c].map((sum) => [...sum]), [[111, 222], [33], [0]]);

  sums.clear();
  await add({ b: [4], c: [5] });
  sums.complete();
  assert.deepEqual([a, b, c].map((sum) => [...sum]), [[0, 0], [4], [5]]);
});
