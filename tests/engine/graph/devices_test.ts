import assert from "node:assert/strict";
import { grad } from "../../../src/engine/graph/autodiff.ts";
import { mul, reduceSum, reshape } from "../../../src/engine/graph/build.ts";
import { evaluate, fromEvaluated } from "../../../src/engine/graph/evaluate.ts";
import { exportGraph } from "../../../src/engine/graph/export.ts";
import { OPS, type Value } from "../../../src/engine/graph/value.ts";
import { encodeModel } from "../../../src/engine/onnx/model.ts";
import { openSession } from "../../../src/engine/runtime/open_session.ts";
import type { Tensor } from "../../../src/engine/tensor/tensor.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { casesOf, type OpCase } from "./op_cases.ts";

/** The operator and its gradients, as outputs of one graph. */
function outputsOf({ output, inputs }: OpCase): Record<string, Value> {
  const axes = output.shape.map((_, axis) => axis);
  const loss = reshape(reduceSum(mul(output, output), axes), []);
  const gradients = grad(loss, inputs);
  return {
    output,
    ...Object.fromEntries(gradients.map((value, i) => [`gradient${i}`, value])),
  };
}

for (const device of AVAILABLE_DEVICES) {
  for (const op of OPS) {
    Deno.test(`${op} and its gradient on ${device} agree with the evaluator`, async () => {
      for (const opCase of casesOf(op, 7)) {
        const outputs = outputsOf(opCase);
        const expected = evaluate(Object.values(outputs), opCase.feeds);
        const target = device === "webgpu" ? "gpu" : "cpu";
        await using session = await openSession(encodeModel(exportGraph(outputs, { target })), {
          device,
          threads: 2,
          // The graphs of training and generation forbid it; these also hold comparisons and constants alone.
          forbidFallback: false,
        });
        const feeds = Object.fromEntries(
          Object.entries(opCase.feeds)
            .filter(([name]) => session.inputNames.includes(name))
            .map(([name, feed]) => [name, fromEvaluated(feed, opCase.dtypes[name] ?? "float32")]),
        );
        const actual = await session.run(feeds);
        const tolerance = target === "cpu" ? opCase.tolerance ?? 2e-5 : 2e-5;
        for (const [index, name] of Object.keys(outputs).entries()) {
          const { data, shape } = actual[name] as Tensor<"float32">;
          assert.deepEqual([...shape], [...expected[index]!.shape]);
          expected[index]!.data.forEach((element, i) => {
            const error = Math.abs(Number(data[i]) - element);
            assert.ok(
              error <= tolerance * Math.max(1, Math.abs(element)),
              `${name}[${i}] is ${data[i]}, expected ${element}`,
            );
          });
        }
      }
    });
  }
}
