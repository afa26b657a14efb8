import assert from "node:assert/strict";
import { decodeModel, encodeModel, type OnnxModel } from "../../../src/engine/onnx/model.ts";
import { printModel } from "../../../src/engine/onnx/print.ts";

const MODEL: OnnxModel = {
  nodes: [
    {
      op: "Gemm",
      domain: "",
      inputs: ["x", "w"],
      outputs: ["y"],
      attributes: { transB: { int: 1 }, alpha: { float: 0.5 } },
    },
    {
      op: "Rotary",
      domain: "com.microsoft",
      inputs: ["y", ""],
      outputs: ["z"],
      attributes: { perm: { ints: [1, 0] }, mode: { string: "half" } },
    },
  ],
  inputs: [{ name: "x", dtype: "float32", shape: ["batch", 3] }],
  outputs: [{ name: "z", dtype: "float32", shape: ["batch", 2] }],
  initializers: new Map([
    ["w", { dtype: "float32" as const, shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, -6) }],
    ["i", { dtype: "int64" as const, shape: [1], data: BigInt64Array.of(-1n) }],
  ]),
};

Deno.test("decodeModel() gives back what encodeModel() wrote", () => {
  assert.deepEqual(decodeModel(encodeModel(MODEL)), MODEL);
});

Deno.test("encodeModel() writes a view of a larger array as its own elements", () => {
  const all = Float32Array.of(9, 1, 2, 9);
  const initializers = new Map([
    ["w", { dtype: "float32" as const, shape: [2], data: all.subarray(1, 3) }],
  ]);
  const decoded = decodeModel(encodeModel({ ...MODEL, initializers }));
  assert.deepEqual([...decoded.initializers.get("w")!.data], [1, 2]);
});

Deno.test("printModel() has a line for each input, constant, node and output", () => {
  assert.equal(
    printModel(MODEL),
    `input x: float32[batch, 3]
constant w: float32[2, 3]
constant i: int64[1]
y = Gemm(x, w) {transB=1, alpha=0.5}
z = com.microsoft.Rotary(y, ) {perm=[1,0], mode="half"}
output z: float32[batch, 2]`,
  );
});
