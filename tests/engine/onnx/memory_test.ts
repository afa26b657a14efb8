import assert from "node:assert/strict";
import {
  add,
  exp,
  input,
  matMul,
  mul,
  reduceSum,
  reshape,
} from "../../../src/engine/graph/build.ts";
import { exportGraph } from "../../../src/engine/graph/export.ts";
import { executionOrder } from "../../../src/engine/onnx/execution_order.ts";
import { runMemory } from "../../../src/engine/onnx/memory.ts";
import type { OnnxNode } from "../../../src/engine/onnx/model.ts";

const node = (output: string, ...inputs: string[]): OnnxNode => ({
  op: "Test",
  domain: "",
  inputs,
  outputs: [output],
  attributes: {},
});

Deno.test("executionOrder() runs what the last unread node needs first, of its inputs the last written first", () => {
  const nodes = [node("a"), node("b", "a"), node("c", "a"), node("d", "b", "c"), node("e", "a")];
  assert.deepEqual(
    executionOrder(nodes).map(({ outputs }) => outputs[0]),
    ["a", "e", "c", "b", "d"],
  );
});

Deno.test("executionOrder() keeps every node once and behind what it reads", () => {
  const nodes = Array.from(
    { length: 60 },
    (_, i) =>
      node(
        `v${i}`,
        ...[1, 2, 5].map((step) => i - step * (1 + i % 3)).filter((j) => j >= 0).map((j) =>
          `v${j}`
        ),
      ),
  );
  const order = executionOrder(nodes);
  assert.equal(new Set(order).size, nodes.length);
  const place = new Map(order.map(({ outputs }, i) => [outputs[0]!, i]));
  for (const { inputs, outputs } of nodes) {
    for (const name of inputs) assert.ok(place.get(name)! < place.get(outputs[0]!)!);
  }
});

Deno.test("runMemory() counts a chain of products as the two neighbours that exist at once", () => {
  const x = input("x", "float32", [100, 100]);
  const w = input("w", "float32", [100, 100]);
  let value = x;
  for (let i = 0; i < 5; i++) value = matMul(value, w);
  const memory = runMemory(exportGraph({ y: reduceSum(value, [0, 1]) }));
  assert.equal(memory.activations, 2 * 40_000);
  assert.equal(memory.feeds, 2 * 40_000);
  assert.equal(memory.outputs, 4);
  assert.equal(memory.largest.bytes, 40_000);
});

Deno.test("runMemory() writes elementwise results over what nobody reads any more, and reshapes in place", () => {
  const x = input("x", "float32", [100, 100]);
  const product = reshape(matMul(x, x), [10_000]);
  const memory = runMemory(exportGraph({ y: reduceSum(exp(mul(product, product)), [0]) }));
  assert.equal(memory.activations, 40_000);
});

Deno.test("runMemory() keeps what is read again later", () => {
  const x = input("x", "float32", [100, 100]);
  const kept = matMul(x, x);
  const memory = runMemory(
    exportGraph({ y: reduceSum(add(kept, matMul(matMul(kept, x), x)), [0, 1]) }),
  );
  assert.equal(memory.activations, 3 * 40_000);
});
