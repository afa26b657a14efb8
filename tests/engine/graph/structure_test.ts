import assert from "node:assert/strict";
import { add, constant, input, mul, scalar } from "../../../src/engine/graph/build.ts";
import { createStructures } from "../../../src/engine/graph/structure.ts";
import type { Value } from "../../../src/engine/graph/value.ts";
import { zeros } from "../../../src/engine/tensor/tensor.ts";

const x = (name: string, size = 3): Value => input(name, "float32", [size]);

Deno.test("createStructures() describes graphs alike that differ in the names of their inputs only", () => {
  const describe = createStructures();
  const graph = (first: string, second: string, size = 3): Value => {
    const a = x(first, size);
    return mul(add(a, x(second, size)), add(a, scalar(2)));
  };
  const [one, other] = [describe(graph("a", "b")), describe(graph("c", "d"))];
  assert.equal(one.description, other.description);
  assert.deepEqual([one.inputs, other.inputs], [["a", "b"], ["c", "d"]]);

  const different = [
    graph("a", "b", 4),
    graph("a", "a2"),
    mul(add(x("a"), x("b")), add(x("c"), scalar(2))), // a third input where there was the first again
    mul(add(x("a"), x("b")), scalar(2)),
  ].map((value) => describe(value).description);
  assert.equal(different[1], one.description);
  assert.deepEqual(different.map((text) => text === one.description), [false, true, false, false]);
});

Deno.test("createStructures() tells large constants apart by their elements", () => {
  const describe = createStructures();
  const masks = [0, 0, 1].map((last) => {
    const mask = zeros("float32", [100]);
    mask.data[99] = last;
    return mask;
  });
  const [first, equal, other] = masks.map((mask) =>
    describe(add(x("a", 100), constant(mask))).description
  );
  assert.equal(first, equal);
  assert.notEqual(first, other);
});
