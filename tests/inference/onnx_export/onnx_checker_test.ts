import assert from "node:assert/strict";
import { join } from "node:path";
import { ONNX_TYPES, ONNX_VARIANTS } from "../../../src/inference/onnx_export/weight_types.ts";
import { DIFFERENT_MODELS, goldenModels } from "../../models/golden_models.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { exportModel } from "./export_model.ts";

/** A Python with the package `onnx`. */
const PYTHON = Deno.env.get("LLM_TRAINING_PYTHON") ?? "python3";

/** Checks each file, infers what can be inferred of its outputs, and compares that with what it declares. */
const CHECK = `
import sys, onnx
for path in sys.argv[1:]:
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    declared = {o.name: o for o in model.graph.output}
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in declared)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    for output in inferred.graph.output:
        ranks = [len(v.type.tensor_type.shape.dim) for v in (output, declared[output.name])]
        types = [v.type.tensor_type.elem_type for v in (output, declared[output.name])]
        if types[0]: assert types[0] == types[1], (path, output.name, types)
        if ranks[0]: assert ranks[0] == ranks[1], (path, output.name, ranks)
`;

Deno.test({
  name: "exportOnnxFolder() writes models that onnx.checker accepts, whatever the type" +
    (hasOnnx() ? "" : ` (skipped: ${PYTHON} does not import onnx)`),
  ignore: !hasOnnx() || goldenModels === undefined,
  async fn() {
    await using folder = await temporaryFolder();
    const paths: string[] = [];
    for (const name of DIFFERENT_MODELS) {
      for (const type of ONNX_TYPES) {
        const output = join(folder.path, name);
        await exportModel(join(goldenModels!, name), { path: output, type });
        paths.push(join(output, "onnx", ONNX_VARIANTS[type].file));
      }
    }
    const output = join(folder.path, "external");
    await exportModel(join(goldenModels!, "llama"), { path: output, maxFileBytes: 100_000 });
    paths.push(join(output, "onnx", "model.onnx"));
    const { success, stderr } = await new Deno.Command(PYTHON, {
      args: ["-c", CHECK, ...paths],
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
  },
});

function hasOnnx(): boolean {
  try {
    return new Deno.Command(PYTHON, { args: ["-c", "import onnx"] }).outputSync().success;
  } catch {
    return false;
  }
}
