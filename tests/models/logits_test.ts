import assert from "node:assert/strict";
import { constant, gemm, input, reshape } from "../../src/engine/graph/build.ts";
import { exportGraph } from "../../src/engine/graph/export.ts";
import type { Value } from "../../src/engine/graph/value.ts";
import { encodeModel } from "../../src/engine/onnx/model.ts";
import { openSession } from "../../src/engine/runtime/open_session.ts";
import type { Device } from "../../src/engine/runtime/session.ts";
import { type Tensor, tensor } from "../../src/engine/tensor/tensor.ts";
import { type AttentionContext, forward } from "../../src/models/language_model.ts";
import { angleTables, ropeAngles } from "../../src/models/rope.ts";
import { AVAILABLE_DEVICES } from "../available_devices.ts";
import { testWithData } from "../shared_data.ts";
import {
  GOLDEN_MODELS,
  type GoldenCase,
  type ModelWithWeights,
  readExpected,
  readModel,
} from "./golden_models.ts";

/** The bound on errors, relative to the largest logit. */
const BOUND = 2e-5;

/** Runs a batch with any padding: the mask and the positions are the case's own. */
async function logitsOf(
  { model, weights }: ModelWithWeights,
  { batch, device }: {
    readonly batch: Pick<GoldenCase, "input_ids" | "attention_mask" | "position_ids">;
    readonly device: Device;
  },
): Promise<Float32Array> {
  const rows = batch.input_ids.length;
  const seqLen = batch.input_ids[0]!.length;
  const weight = (name: string): Value => constant(weights.get(name)!);
  const everyPosition = Array.from({ length: seqLen }, (_, i) => i);
  const angleRows = input("angle_rows", "int64", [rows, seqLen]);
  const { hidden } = forward(model, {
    weight,
    ids: input("ids", "int64", [rows, seqLen, 1]),
    positions: input("positions", "int64", [rows, seqLen, 1]),
    contexts: model.attentionKinds.map(({ rope, rotaryDim }, kind): AttentionContext => {
      const tables = rope && angleTables(ropeAngles(rope, rotaryDim), everyPosition);
      return {
        angles: tables === null ? undefined : {
          positions: angleRows,
          cos: constant(tables.cos),
          sin: constant(tables.sin),
        },
        mask: input(`mask${kind}`, "float32", [rows, 1, seqLen, seqLen]),
      };
    }),
  });
  const flat = reshape(hidden, [rows * seqLen, model.hiddenSize]);
  const logits = gemm(flat, weight(model.outputWeight), { transB: true });
  const graph = exportGraph({ logits }, { target: device === "webgpu" ? "gpu" : "cpu" });
  await using session = await openSession(encodeModel(graph), { device, threads: 2 });
  const integers = (values: readonly (readonly number[])[], shape: readonly number[]): Tensor =>
    tensor("int64", shape, BigInt64Array.from(values.flat(), BigInt));
  const feeds: Record<string, Tensor> = {
    ids: integers(batch.input_ids, [rows, seqLen, 1]),
    positions: integers(batch.position_ids, [rows, seqLen, 1]),
    angle_rows: integers(batch.position_ids, [rows, seqLen]),
  };
  for (const [kind, { window }] of model.attentionKinds.entries()) {
    const seen = (row: number, column: number) =>
      column <= row && (window === null || row - column < window);
    const mask = batch.attention_mask.flatMap((real) =>
      real.flatMap((_, row) => real.map((key, column) => (key && seen(row, column) ? 0 : -1e9)))
    );
    feeds[`mask${kind}`] = tensor("float32", [rows, 1, seqLen, seqLen], Float32Array.from(mask));
  }
  const outputs = await session.run(
    Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]!])),
  );
  return (outputs["logits"] as Tensor<"float32">).data;
}

function assertLogits(
  actual: Float32Array,
  expected: readonly (readonly number[] | null)[],
  scale: number,
): void {
  let worst = 0;
  for (const [row, logits] of expected.entries()) {
    for (const [i, logit] of (logits ?? []).entries()) {
      worst = Math.max(worst, Math.abs(actual[row * logits!.length + i]! - logit));
    }
  }
  assert.ok(worst <= BOUND * scale, `the largest error is ${worst / scale} of the scale`);
}

for (const name of GOLDEN_MODELS) {
  for (const device of AVAILABLE_DEVICES) {
    testWithData(
      `forward() of ${name} on ${device} agrees with transformers, padded or not`,
      { data: `golden/models/${name}` },
      async (folder) => {
        const model = await readModel(folder);
        for (const batch of readExpected(folder).cases) {
          const logits = await logitsOf(model, { batch, device });
          assertLogits(logits, batch.logits.flat(), batch.logit_scale);
        }
      },
    );
  }
  testWithData(
    `createModel() reads both spellings of the config of ${name} alike`,
    { data: `golden/models/${name}` },
    async (folder) => {
      const [{ model: now }, { model: before }] = [
        await readModel(folder),
        await readModel(folder, "config.v4.json"),
      ];
      assert.deepEqual(now.attentionKinds, before.attentionKinds);
      assert.deepEqual(now.weights, before.weights);
    },
  );
}

/** One batch of a fixture with its logits, [batch · seqLen · vocabSize]. */
interface FixtureCase {
  readonly input_ids: number[][];
  readonly logits: number[];
}

for (const name of ["tiny_qwen3", "tiny_llama"]) {
  for (const device of AVAILABLE_DEVICES) {
    testWithData(
      `forward() of ${name} on ${device} agrees with transformers`,
      { data: `fixtures/ferrl/${name}` },
      async (folder) => {
        const model = await readModel(folder);
        const { cases } = JSON.parse(await Deno.readTextFile(`${folder}/golden.json`));
        for (const { input_ids: ids, logits: flat } of Object.values<FixtureCase>(cases)) {
          const batch = {
            input_ids: ids,
            attention_mask: ids.map((row) => row.map(() => 1)),
            position_ids: ids.map((row) => row.map((_, i) => i)),
          };
          const { vocabSize } = model.model;
          const rows = Array.from(
            { length: flat.length / vocabSize },
            (_, row) => flat.slice(row * vocabSize, (row + 1) * vocabSize),
          );
          const scale = Math.max(...flat.map(Math.abs));
          assertLogits(await logitsOf(model, { batch, device }), rows, scale);
        }
      },
    );
  }
}
