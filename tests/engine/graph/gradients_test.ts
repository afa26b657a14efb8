import assert from "node:assert/strict";
import { grad } from "../../../src/engine/graph/autodiff.ts";
import {
  constant,
  detach,
  input,
  mul,
  reduceSum,
  reshape,
} from "../../../src/engine/graph/build.ts";
import { evaluate } from "../../../src/engine/graph/evaluate.ts";
import { simplify } from "../../../src/engine/graph/simplify.ts";
import { OPS, type Value } from "../../../src/engine/graph/value.ts";
import { elementCount } from "../../../src/engine/tensor/tensor.ts";
import { casesOf, lcg, type OpCase } from "./op_cases.ts";

const STEP = 1e-5;
const SEEDS = [1, 2, 3, 4, 5, 6];

/** A scalar that weighs every element of `value` differently. */
function weightedSum(value: Value, seed: number): Value {
  const shape = value.shape as number[];
  const random = lcg(seed + 77);
  const data = Float32Array.from({ length: elementCount(shape) }, () => random() + 0.5);
  const weighted = mul(value, constant({ dtype: "float32", shape, data }));
  return reshape(reduceSum(weighted, shape.map((_, axis) => axis)), []);
}

function assertGradients({ output, inputs, feeds }: OpCase, seed: number): void {
  const loss = weightedSum(output, seed);
  const gradients = grad(loss, inputs);
  const plain = evaluate(gradients, feeds);
  const simplified = evaluate(simplify(gradients), feeds);
  for (const [index, value] of inputs.entries()) {
    const name = `x${index}`;
    const given = feeds[name]!;
    assert.deepEqual(plain[index]!.shape, value.shape);
    for (let i = 0; i < given.data.length; i++) {
      const at = (offset: number): number => {
        const data = given.data.slice();
        data[i]! += offset;
        return evaluate([loss], { ...feeds, [name]: { shape: given.shape, data } })[0]!.data[0]!;
      };
      const numeric = (at(STEP) - at(-STEP)) / (2 * STEP);
      for (const analytic of [plain[index]!.data[i]!, simplified[index]!.data[i]!]) {
        const error = Math.abs(numeric - analytic);
        assert.ok(
          error <= 1e-6 * Math.max(1, Math.abs(numeric)),
          `${output.op}: d/d${name}[${i}] is ${analytic}, a central difference says ${numeric}`,
        );
      }
    }
  }
}

Deno.test("grad() sees a detached value as a constant", () => {
  const x = input("x", "float32", [1]);
  const [gradient] = grad(reshape(mul(x, detach(x)), []), [x]);
  const [result] = evaluate([gradient!], { x: { shape: [1], data: Float64Array.of(3) } });
  assert.deepEqual([...result!.data], [3]);
});

for (const op of OPS) {
  Deno.test(`grad() of ${op} agrees with central differences`, () => {
    for (const seed of SEEDS) for (const opCase of casesOf(op, seed)) assertGradients(opCase, seed);
  });
}
