import assert from "node:assert/strict";
import { add, constant, input, mul, rmsNorm, scalar } from "../../../src/engine/graph/build.ts";
import { exportGraph } from "../../../src/engine/graph/export.ts";
import { fuseSkipNorms } from "../../../src/engine/onnx/fuse_skip_norms.ts";
import { encodeModel, type OnnxModel } from "../../../src/engine/onnx/model.ts";
import { openSession } from "../../../src/engine/runtime/open_session.ts";
import type { Device } from "../../../src/engine/runtime/session.ts";
import { type Tensor, tensor } from "../../../src/engine/tensor/tensor.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { lcg } from "../graph/op_cases.ts";

const FUSED = "SkipSimplifiedLayerNormalization";
const WIDTH = 24;

function floats(shape: readonly number[], seed: number): Tensor<"float32"> {
  const random = lcg(seed);
  const size = shape.reduce((product, extent) => product * extent, 1);
  return tensor("float32", shape, Float32Array.from({ length: size }, () => 2 * random() - 1));
}

const stream = (name: string) => input(name, "float32", ["batch", "seqLen", WIDTH]);
const norm = (x: ReturnType<typeof stream>, seed: number) =>
  rmsNorm(x, { weight: constant(floats([WIDTH], seed)), epsilon: 1e-5 });

/** Two layers' worth of residual connections: each sum is normalised, and goes on. */
function residualGraph(target: "cpu" | "gpu"): OnnxModel {
  const first = add(stream("x"), stream("y"));
  const second = add(first, norm(first, 1));
  return exportGraph({ normed: norm(second, 2), sum: mul(second, scalar(2)) }, { target });
}

async function outputsOf(
  model: OnnxModel,
  device: Device,
): Promise<Record<string, Tensor<"float32">>> {
  await using session = await openSession(encodeModel(model), { device, threads: 2 });
  const feeds = { x: floats([2, 3, WIDTH], 5), y: floats([2, 3, WIDTH], 6) };
  return await session.run(feeds) as Record<string, Tensor<"float32">>;
}

for (const device of AVAILABLE_DEVICES) {
  Deno.test(`fuseSkipNorms() changes nothing of what is computed on ${device}`, async () => {
    const model = residualGraph(device === "webgpu" ? "gpu" : "cpu");
    const fused = fuseSkipNorms(model);
    assert.equal(fused.nodes.filter(({ op }) => op === FUSED).length, 2);
    assert.equal(fused.nodes.length, model.nodes.length - 2);
    const [expected, made] = [await outputsOf(model, device), await outputsOf(fused, device)];
    for (const name of ["normed", "sum"]) {
      for (const [i, element] of made[name]!.data.entries()) {
        assert.ok(Math.abs(element - expected[name]!.data[i]!) < 1e-6, `${name} ${i}`);
      }
    }
  });
}

Deno.test("fuseSkipNorms() leaves sums of different shapes, and norms of what is no sum", () => {
  const wide = add(stream("x"), input("row", "float32", [WIDTH]));
  const model = exportGraph({ a: norm(wide, 1), b: norm(stream("y"), 2) });
  assert.deepEqual(fuseSkipNorms(model).nodes, model.nodes);
});
