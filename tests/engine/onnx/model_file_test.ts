import assert from "node:assert/strict";
import { join } from "node:path";
import { decodeModel, encodeModel, type OnnxModel } from "../../../src/engine/onnx/model.ts";
import { modelFiles, type ModelFilesOptions } from "../../../src/engine/onnx/model_file.ts";
import { type Tensor, tensor } from "../../../src/engine/tensor/tensor.ts";
import { writeSynced } from "../../../src/utils/atomic_file.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

const bias = tensor("float32", [2], Float32Array.of(1, 2));
const weights = {
  first: tensor("float32", [3, 2], Float32Array.of(1, -2, 3, -4, 5, -6)),
  second: tensor("int8", [300], Int8Array.from({ length: 300 }, (_, i) => i % 100)),
  third: tensor("uint8", [2, 2500], new Uint8Array(5000).fill(7)),
};

const MODEL: OnnxModel = {
  nodes: [
    { op: "Gemm", domain: "", inputs: ["x", "first", "bias"], outputs: ["y"], attributes: {} },
  ],
  inputs: [{ name: "x", dtype: "float32", shape: ["n", 3] }],
  outputs: [{ name: "y", dtype: "float32", shape: ["n", 2] }],
  initializers: new Map([["bias", bias]]),
};

async function write(
  folder: string,
  options: Partial<ModelFilesOptions> = {},
): Promise<string[]> {
  const files = modelFiles(MODEL, {
    name: "model.onnx",
    deferred: Object.entries(weights).map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    elements: elementsOf(Object.values(weights)),
    ...options,
  });
  for (const { name, content } of files) await writeSynced(join(folder, name), content);
  return files.map(({ name }) => name);
}

async function* elementsOf(tensors: readonly Tensor[]): AsyncGenerator<Tensor["data"], void> {
  for (const { data } of tensors) yield data;
}

Deno.test("modelFiles() writes, piece by piece, the model that encodeModel() writes at once", async () => {
  await using folder = await temporaryFolder();
  assert.deepEqual(await write(folder.path), ["model.onnx"]);
  const initializers = new Map([["bias", bias], ...Object.entries(weights)]);
  const written = await Deno.readFile(join(folder.path, "model.onnx"));
  assert.deepEqual(decodeModel(written), { ...MODEL, initializers });
  assert.equal(written.length, encodeModel({ ...MODEL, initializers }).length);
});

Deno.test("modelFiles() puts tensors that are too many for one file beside it, aligned, as many as fit in each", async () => {
  await using folder = await temporaryFolder();
  const bytes = (name: string) => Deno.readFile(join(folder.path, name));
  assert.deepEqual(await write(folder.path, { maxBytes: 5000 }), [
    "model.onnx_data",
    "model.onnx_data_1",
    "model.onnx",
  ]);
  const together = await bytes("model.onnx_data");
  const { first, second, third } = weights;
  assert.equal(together.length, 4096 + second.data.length);
  assert.deepEqual(together.slice(0, 24), new Uint8Array(first.data.buffer as ArrayBuffer));
  assert.deepEqual(together.slice(4096), Uint8Array.from(second.data as Int8Array));
  assert.deepEqual(await bytes("model.onnx_data_1"), third.data);
  assert.ok((await bytes("model.onnx")).length < 1000);
});

Deno.test("modelFiles() refuses elements that are not the tensor's", async () => {
  await using folder = await temporaryFolder();
  await assert.rejects(
    write(folder.path, { elements: elementsOf([bias]) }),
    /8 bytes given for "first" of 24 bytes/,
  );
});
