import assert from "node:assert/strict";
import { grad } from "../../../src/engine/graph/autodiff.ts";
import {
  add,
  cast,
  constant,
  expand,
  gather,
  input,
  mul,
  neg,
  reduceSum,
  reshape,
  scalar,
  scatterAdd,
  slice,
  transpose,
} from "../../../src/engine/graph/build.ts";
import { evaluate } from "../../../src/engine/graph/evaluate.ts";
import { exportGraph } from "../../../src/engine/graph/export.ts";
import { simplify } from "../../../src/engine/graph/simplify.ts";
import { topologicalOrder, type Value } from "../../../src/engine/graph/value.ts";
import { zeros } from "../../../src/engine/tensor/tensor.ts";

const x = input("x", "float32", [2, 3]);
const wide = input("wide", "float32", [2, 8]);

/** The operators that are left, leaves not counted. */
function opsOf(...values: readonly Value[]): string[] {
  return topologicalOrder(simplify(values))
    .map(({ op }) => op)
    .filter((op) => op !== "Input" && op !== "Constant");
}

Deno.test("simplify() leaves out what changes nothing", () => {
  assert.deepEqual(opsOf(reshape(x, [2, 3])), []);
  assert.deepEqual(opsOf(transpose(transpose(x, [1, 0]), [1, 0])), []);
  assert.deepEqual(opsOf(neg(neg(x))), []);
  assert.deepEqual(opsOf(cast(x, "float32")), []);
  assert.deepEqual(opsOf(add(x, scalar(0))), []);
  assert.deepEqual(opsOf(mul(scalar(1), x)), []);
  assert.deepEqual(opsOf(expand(x, [2, 3])), []);
});

Deno.test("simplify() joins reshapes and transpositions that follow each other", () => {
  assert.deepEqual(opsOf(reshape(reshape(x, [6]), [3, 2])), ["Reshape"]);
  const cube = input("c", "float32", [2, 3, 4]);
  assert.deepEqual(opsOf(transpose(transpose(cube, [1, 2, 0]), [1, 2, 0])), ["Transpose"]);
});

Deno.test("simplify() computes what depends on constants alone", () => {
  const [folded] = simplify([mul(add(scalar(2), scalar(3)), neg(scalar(4)))]);
  assert.equal(folded?.op, "Constant");
  assert.deepEqual(folded?.op === "Constant" && [...folded.attributes.tensor.data], [-20]);
});

Deno.test("simplify() transposes constant matrices of any size", () => {
  const [rows, columns] = [300, 301];
  const data = Float32Array.from({ length: rows * columns }, (_, i) => i);
  const matrix = constant({ dtype: "float32", shape: [rows, columns], data });
  const [folded] = simplify([transpose(matrix, [1, 0])]);
  assert.ok(folded?.op === "Constant");
  const turned = folded.attributes.tensor.data;
  for (const [row, column] of [[0, 0], [299, 300], [17, 205]] as const) {
    assert.equal(turned[column * rows + row], row * columns + column);
  }
});

Deno.test("simplify() shares values that are made alike, and only those", () => {
  const same = [add(neg(x), scalar(1)), add(neg(x), scalar(1))];
  const [a, b] = simplify(same);
  assert.equal(a, b);
  const [c, d] = simplify([add(x, scalar(1)), add(x, scalar(2))]);
  assert.notEqual(c, d);
});

Deno.test("simplify() adds the gradients of a tied embedding into one scatter", () => {
  const table = input("table", "float32", [5, 3]);
  const ids = input("ids", "int64", [4, 1]);
  const other = input("other", "int64", [2, 1]);
  const loss = reshape(
    add(reduceSum(gather(table, ids), [0, 1]), reduceSum(gather(table, other), [0, 1])),
    [],
  );
  const ops = opsOf(...grad(loss, [table]));
  assert.equal(ops.filter((op) => op === "ScatterAdd").length, 2);
  assert.ok(!ops.includes("Add"));
});

Deno.test("simplify() joins the gradients of the parts of a value instead of adding them", () => {
  const parts = [[0, 2], [2, 5], [6, 8]].map(([start, end]) =>
    slice(wide, { axis: 1, start: start!, end: end! })
  );
  const loss = reshape(
    parts.map((part, i) => reduceSum(mul(part, scalar(i + 2)), [0, 1])).reduce(add),
    [],
  );
  const gradients = grad(loss, [wide]);
  assert.deepEqual(evaluate(simplify(gradients), {}), evaluate(gradients, {}));
  const squares = parts.map((part) => reduceSum(mul(part, part), [0, 1])).reduce(add);
  const ops = opsOf(...grad(reshape(squares, []), [wide]));
  assert.equal(ops.filter((op) => op === "Concat").length, 1);
});

Deno.test("exportGraph() writes large constants of one value as that value", () => {
  const sum = scatterAdd(constant(zeros("float32", [1000, 8])), {
    ids: input("ids", "int64", [2, 1]),
    updates: input("updates", "float32", [2, 8]),
  });
  const { initializers, nodes } = exportGraph({ sum });
  for (const { data } of initializers.values()) assert.ok(data.length < 100);
  assert.ok(nodes.some(({ op }) => op === "Expand"));
});

Deno.test("exportGraph() names outputs even where they are inputs or the same value", () => {
  const y = neg(x);
  const { nodes, outputs } = exportGraph({ a: y, b: y, c: x });
  assert.deepEqual(outputs.map(({ name }) => name), ["a", "b", "c"]);
  const made = new Set(nodes.flatMap((node) => node.outputs));
  for (const { name } of outputs) assert.ok(made.has(name));
});

Deno.test("exportGraph() refuses two inputs of one name", () => {
  const other = input("x", "float32", [2, 3]);
  assert.throws(() => exportGraph({ y: add(x, other) }), /two inputs are named "x"/);
});

Deno.test("grad() refuses a loss that is no scalar", () => {
  assert.throws(() => grad(x, [x]), /Cannot differentiate a loss of shape \[2,3\]/);
});
