import assert from "node:assert/strict";
import { lossFeeds, lossGraph } from "../../../src/core/training/loss_graph.ts";
import { type WeightValues, wholeModel } from "../../../src/core/training/trainee.ts";
import type { MicroBatch } from "../../../src/datasets/batch.ts";
import { IGNORED_LABEL } from "../../../src/datasets/labels.ts";
import { grad } from "../../../src/engine/graph/autodiff.ts";
import { constant, input } from "../../../src/engine/graph/build.ts";
import { exportGraph } from "../../../src/engine/graph/export.ts";
import type { Value } from "../../../src/engine/graph/value.ts";
import { encodeModel } from "../../../src/engine/onnx/model.ts";
import { openSession } from "../../../src/engine/runtime/open_session.ts";
import { type Tensor, tensor } from "../../../src/engine/tensor/tensor.ts";
import { createModel } from "../../../src/models/architectures.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { GOLDEN_MODELS, readExpected, readModel } from "../../models/golden_models.ts";
import { testWithData } from "../../shared_data.ts";

/** The bound on errors, relative to the norm of all gradients. */
const BOUND = 1e-5;

/** Golden models that are others in another file form: their graphs are the same. */
const VARIANTS: readonly string[] = ["gpt2_hub_names", "llama_bf16", "llama_f16", "qwen3_sharded"];

/** The rows with every next token as target. */
function wholeRows(ids: readonly (readonly number[])[]): MicroBatch {
  const [batch, seqLen] = [ids.length, ids[0]!.length];
  return {
    ids: Int32Array.from(ids.flat()),
    labels: Int32Array.from(ids.flatMap((row) => [...row.slice(1), IGNORED_LABEL])),
    batch,
    seqLen,
    trainedTokens: batch * (seqLen - 1),
    tokens: batch * seqLen,
  };
}

const weightValues = (weight: (name: string) => Value): WeightValues => ({
  trained: weight,
  frozen: weight,
});

for (const name of GOLDEN_MODELS.filter((name) => !VARIANTS.includes(name))) {
  for (const device of AVAILABLE_DEVICES) {
    testWithData(
      `lossGraph() of ${name} on ${device} has PyTorch's loss and gradients`,
      { data: `golden/models/${name}` },
      async (folder) => {
        const { model, weights } = await readModel(folder);
        const { cases, gradients: expected } = readExpected(folder);
        const batch = wholeRows(cases[0]!.input_ids);
        const values = new Map(
          model.weights.map(({ name, shape }) => [name, input(name, "float32", shape)]),
        );
        const { loss } = lossGraph(wholeModel(model), {
          shape: batch,
          values: weightValues((name) => values.get(name)!),
        });
        const gradients = grad(loss, [...values.values()]);
        const outputs = Object.fromEntries(
          [...values.keys()].map((name, i) => [`gradient of ${name}`, gradients[i]!]),
        );
        const graph = exportGraph({ loss, ...outputs }, {
          target: device === "webgpu" ? "gpu" : "cpu",
        });
        await using session = await openSession(encodeModel(graph), { device, threads: 2 });
        const actual = await session.run({
          ...Object.fromEntries(weights),
          ...lossFeeds(batch, 1 / batch.trainedTokens),
        }) as Record<string, Tensor<"float32">>;

        const near = (value: number, wanted: number, what: string) => {
          const error = Math.abs(value - wanted) / expected.grad_norm;
          assert.ok(error <= BOUND, `${what} is ${value}, expected ${wanted}: off by ${error}`);
        };
        near(actual["loss"]!.data[0]!, expected.loss, "the loss");
        assert.deepEqual(Object.keys(expected.tensors).sort(), [...values.keys()].sort());
        for (const [name, { l2, first4 }] of Object.entries(expected.tensors)) {
          const { data } = actual[`gradient of ${name}`]!;
          near(Math.sqrt(data.reduce((sum, x) => sum + x * x, 0)), l2, `the norm of ${name}`);
          first4.forEach((element, i) => near(data[i]!, element, `${name}[${i}]`));
        }
      },
    );
  }
}

testWithData(
  "lossGraph() fills rows up beyond the last learned position, and loses nothing",
  { data: "golden/models/gpt2" },
  async (folder) => {
    const { model: whole, weights } = await readModel(folder);
    const model = createModel({ ...whole.config, n_positions: 10 });
    const lossOf = async (batch: MicroBatch) => {
      const weight = (name: string) => {
        const { shape, data } = weights.get(name)!;
        const isPositions = name === "transformer.wpe.weight";
        const rows = isPositions ? [10, shape[1]!] : shape;
        return constant(
          tensor("float32", rows, data.subarray(0, isPositions ? 10 * shape[1]! : data.length)),
        );
      };
      const graph = exportGraph({
        loss: lossGraph(wholeModel(model), { shape: batch, values: weightValues(weight) }).loss,
      });
      await using session = await openSession(encodeModel(graph), { device: "wasm", threads: 2 });
      const { loss } = await session.run(lossFeeds(batch, 1 / batch.trainedTokens));
      return (loss as Tensor<"float32">).data[0]!;
    };
    const exact = wholeRows(
      readExpected(folder).cases[0]!.input_ids.map((row) => row.slice(0, 10)),
    );
    const padded = (values: Int32Array, fill: number) =>
      Int32Array.from([0, 1].flatMap((row) => [
        ...values.subarray(10 * row, 10 * row + 10),
        ...new Array<number>(6).fill(fill),
      ]));
    const filled = {
      ...exact,
      ids: padded(exact.ids, 0),
      labels: padded(exact.labels, IGNORED_LABEL),
      seqLen: 16,
    };
    assert.ok(Math.abs(await lossOf(filled) - await lossOf(exact)) < 1e-6);
  },
);
