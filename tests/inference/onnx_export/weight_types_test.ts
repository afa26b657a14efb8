import assert from "node:assert/strict";
import { join } from "node:path";
import { ONNX_VARIANTS, type OnnxType } from "../../../src/inference/onnx_export/weight_types.ts";
import { exportOnnxFolder } from "../../../src/inference/onnx_export/export_folder.ts";
import { openStoredModel } from "../../../src/models/stored/stored_model.ts";
import type { NamedWeight } from "../../../src/models/weights.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { readExpected } from "../../models/golden_models.ts";
import { testWithData } from "../../shared_data.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { openExported } from "./exported_session.ts";
import { roundedWeights } from "./rounded_weights.ts";

const CPU = AVAILABLE_DEVICES.find((device) => device !== "webgpu")!;

/**
 * How far logits may be, root mean square and relative: half precision has 11 bits; quantised weights are compared with
 * the same rounded weights in float32, so that only the rounding of the other factor to 8 bits is left. A weight that is
 * read in a wrong order is off by 0.3 and more.
 */
const BOUNDS: Readonly<Record<Exclude<OnnxType, "f32">, number>> = {
  f16: 4e-3,
  q8_0: 5e-2,
  q4_0: 5e-2,
};

/** Models that differ in their matrices. */
const MODELS = ["gemma3", "gpt2", "llama_biases_linear_rope", "phi3", "smollm2"] as const;

for (const name of MODELS) {
  testWithData(
    `exportOnnxFolder() ${name}: f16, q8_0 and q4_0 compute what their rounded weights do in f32`,
    { data: `golden/models/${name}` },
    async (golden) => {
      await using folder = await temporaryFolder();
      using source = await openStoredModel(golden);
      const { model } = source;
      const { input_ids: ids, attention_mask: mask, position_ids: positions } = readExpected(golden)
        .cases.find(({ name }) => name === "left_padded")!;
      const real = mask.flat();
      const run = async (path: string, type: OnnxType): Promise<Float32Array> => {
        const { file, cacheDtype } = ONNX_VARIANTS[type];
        await using session = await openExported(join(path, "onnx", file), {
          model,
          device: CPU,
          half: cacheDtype === "float16",
        });
        const { logits } = await session.run({ ids, mask, positions });
        // what padding sees is nobody's concern
        return logits.data.filter((_, i) => real[Math.floor(i / model.vocabSize)] === 1);
      };
      for (const [type, bound] of typedEntries(BOUNDS)) {
        const path = join(folder.path, type);
        const weights = (): AsyncGenerator<NamedWeight, void> =>
          type === "f16"
            ? source.weights()
            : roundedWeights(model, { weights: source.weights(), type });
        await exportOnnxFolder({ ...source, weights }, { path, type: "f32" });
        await exportOnnxFolder(source, { path, type });
        const error = relativeError(await run(path, type), await run(path, "f32"));
        assert.ok(error <= bound, `${type}: ${error}`);
      }
    },
  );
}

function typedEntries<K extends string, V>(record: Readonly<Record<K, V>>): [K, V][] {
  return Object.entries(record) as [K, V][];
}

/** Root mean square of the differences, relative to that of what is expected. */
function relativeError(actual: Float32Array, expected: Float32Array): number {
  assert.equal(actual.length, expected.length);
  let differences = 0;
  let squares = 0;
  for (const [i, logit] of expected.entries()) {
    differences += (actual[i]! - logit) ** 2;
    squares += logit ** 2;
  }
  return Math.sqrt(differences / squares);
}
