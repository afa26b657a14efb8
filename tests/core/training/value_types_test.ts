import assert from "node:assert/strict";
import { FROZEN_DTYPES } from "../../../src/core/training/frozen_weights.ts";
import { hostLossGraph } from "../../../src/core/training/host_loss_graph.ts";
import { adapterOf } from "../../../src/core/training/trainee.ts";
import { encodeModel } from "../../../src/engine/onnx/model.ts";
import { openSession } from "../../../src/engine/runtime/open_session.ts";
import { type Tensor, zeros } from "../../../src/engine/tensor/tensor.ts";
import { ALL_LINEAR, LORA_DEFAULTS } from "../../../src/models/adapters/lora_config.ts";
import { createModel } from "../../../src/models/architectures.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { TINY_CONFIG } from "../../e2e/tiny_model.ts";

const device = AVAILABLE_DEVICES.find((device) => device !== "webgpu")!;

for (const dtype of FROZEN_DTYPES) {
  Deno.test(`exportGraph() says of every node's output what ONNX Runtime makes, frozen weights in ${dtype}`, async () => {
    const trainee = adapterOf(createModel(TINY_CONFIG), {
      ...LORA_DEFAULTS,
      targetModules: ALL_LINEAR,
    });
    const model = hostLossGraph(trainee, {
      shape: { batch: 2, seqLen: 16 },
      training: true,
      storage: { dtype, gpu: false },
    });
    const types = model.valueTypes!;
    const names = model.nodes.flatMap(({ outputs }) => outputs);
    const outputs = names.map((name) => ({ name, ...types.get(name)! }));
    await using session = await openSession(encodeModel({ ...model, outputs }), {
      device,
      threads: 2,
      optimization: "none",
    });
    const feeds = Object.fromEntries(
      model.inputs.map(({ name, dtype, shape }): [string, Tensor] => [
        name,
        zeros(dtype, shape as number[]),
      ]),
    );
    const made = await session.run(feeds);
    for (const { name, dtype, shape } of outputs) {
      assert.deepEqual([made[name]!.dtype, [...made[name]!.shape]], [dtype, [...shape]], name);
    }
  });
}
