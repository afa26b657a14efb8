import assert from "node:assert/strict";
import { openSession } from "../../../src/engine/runtime/open_session.ts";
import { type Tensor, tensor } from "../../../src/engine/tensor/tensor.ts";
import { encodeModel } from "../../../src/engine/onnx/model.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { node, value } from "./models.ts";

const COUNT = 1 << 16; // enough for both threads to take part

Deno.test({
  name: "runs of native take denormal numbers for 0, JavaScript does not",
  ignore: !AVAILABLE_DEVICES.includes("native") || Deno.build.os !== "linux" ||
    Deno.build.arch !== "x86_64",
  async fn() {
    const model = encodeModel({
      inputs: [value("a", [COUNT]), value("b", [COUNT])],
      outputs: [value("y", [COUNT])],
      initializers: new Map(),
      nodes: [node("Mul", [["a", "b"], ["y"]])],
    });
    const tiny = tensor("float32", [COUNT], new Float32Array(COUNT).fill(1e-20));
    await using session = await openSession(model, { device: "native", threads: 2 });
    const { y } = await session.run({ a: tiny, b: tiny });
    assert.ok((y as Tensor).data.every((product) => product === 0), "1e-40 is 0");
    const small = tensor("float32", [COUNT], new Float32Array(COUNT).fill(2e-19));
    const { y: normal } = await session.run({ a: small, b: small });
    assert.ok((normal as Tensor).data.every((product) => Number(product) > 0), "4e-38 is not");
    assert.equal(JSON.stringify(Number("5e-324")), "5e-324");
    assert.ok(new Float32Array([1e-40])[0]! * 2 > 0);
  },
});
