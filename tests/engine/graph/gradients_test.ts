import assert from "node:assert/strict";
import { grad, vjp } from "../../../src/engine/graph/autodiff.ts";
import {
  add,
  constant,
  detach,
  input,
  matMul,
  mul,
  reduceSum,
  reshape,
  rmsNorm,
  sigmoid,
  silu,
  tanh,
} from "../../../src/engine/graph/build.ts";
import { evaluate } from "../../../src/engine/graph/evaluate.ts";
import { simplify } from "../../../src/engine/graph/simplify.ts";
import { OPS, topologicalOrder, type Value } from "../../../src/engine/graph/value.ts";
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

Deno.test("vjp() goes on from an upstream gradient, so that a graph may be taken in two parts", () => {
  const [x, w] = [input("x", "float32", [2, 3]), input("w", "float32", [3, 3])];
  const hidden = tanh(matMul(x, w));
  const middle = input("middle", "float32", [2, 3]);
  const lossOf = (value: Value) => weightedSum(mul(sigmoid(value), value), 1);
  const random = lcg(3);
  const data = (size: number) => Float64Array.from({ length: size }, () => random());
  const feeds = {
    x: { shape: [2, 3], data: data(6) },
    w: { shape: [3, 3], data: data(9) },
  };
  const whole = evaluate(grad(lossOf(hidden), [x, w]), feeds);
  const [between] = evaluate([hidden], feeds);
  const [upstream] = evaluate(grad(lossOf(middle), [middle]), { middle: between! });
  const given = input("upstream", "float32", [2, 3]);
  const parts = vjp(hidden, { upstream: given, wrt: [x, w] });
  assert.deepEqual(evaluate(parts, { ...feeds, upstream: upstream! }), whole);
});

Deno.test("grad() keeps nothing between checkpoints and has the same gradients", () => {
  const weights = Array.from({ length: 6 }, (_, i) => input(`w${i}`, "float32", [4, 4]));
  const checkpoints = [input("x", "float32", [3, 4])];
  for (let i = 0; i < weights.length; i += 2) {
    const hidden = checkpoints.at(-1)!;
    const inner = tanh(matMul(hidden, weights[i]!));
    checkpoints.push(add(hidden, matMul(mul(inner, sigmoid(inner)), weights[i + 1]!)));
  }
  const loss = weightedSum(checkpoints.at(-1)!, 1);
  const random = lcg(3);
  const wrt = [...weights, checkpoints[0]!];
  const feeds = Object.fromEntries(wrt.map((value, i) => {
    const shape = value.shape as number[];
    const data = Float64Array.from({ length: elementCount(shape) }, () => random() - 0.5);
    return [i < weights.length ? `w${i}` : "x", { shape, data }];
  }));
  const plain = grad(loss, wrt);
  const repeated = grad(loss, wrt, { checkpoints });
  assert.deepEqual(evaluate(simplify(repeated), feeds), evaluate(simplify(plain), feeds));
  const inner = (values: readonly Value[]): number =>
    topologicalOrder(simplify(values)).filter(({ op }) => op === "Tanh").length;
  assert.deepEqual([inner([loss, ...plain]), inner([loss, ...repeated])], [3, 6]);
});

Deno.test("grad() makes what products read again, from what is kept anyway, and has the same gradients", () => {
  const names = ["x", "gate", "up", "down", "scale"];
  const shapes = [[3, 4], [4, 6], [4, 6], [6, 4], [4]];
  const [x, gate, up, down, scale] = names.map((name, i) => input(name, "float32", shapes[i]!));
  const normed = rmsNorm(tanh(x!), { weight: scale!, epsilon: 1e-5 });
  const gated = mul(silu(matMul(normed, gate!)), matMul(normed, up!));
  const loss = weightedSum(matMul(reshape(gated, [3, 6]), down!), 1);
  const wrt = [x!, gate!, up!, down!];
  const random = lcg(7);
  const feeds = Object.fromEntries(names.map((name, i) => {
    const shape = shapes[i]!;
    const data = Float64Array.from({ length: elementCount(shape) }, () => random() - 0.5);
    return [name, { shape, data }];
  }));
  const plain = grad(loss, wrt);
  const remade = grad(loss, wrt, { remake: true });
  assert.deepEqual(evaluate(simplify(remade), feeds), evaluate(simplify(plain), feeds));
  const again = (values: readonly Value[]): string[] =>
    topologicalOrder(simplify(values)).flatMap(({ op, attributes }) =>
      "again" in attributes ? [op] : []
    );
  assert.deepEqual(again([loss, ...plain]), []);
  assert.deepEqual(again([loss, ...remade]).toSorted(), ["Mul", "RmsNorm"]);
  // Where the norm's input gets no gradient it is not kept either, so the norm is.
  assert.deepEqual(again([loss, ...grad(loss, [gate!, up!], { remake: true })]), []);
});

for (const op of OPS) {
  Deno.test(`grad() of ${op} agrees with central differences`, () => {
    for (const seed of SEEDS) for (const opCase of casesOf(op, seed)) assertGradients(opCase, seed);
  });
}
