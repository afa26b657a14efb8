/**
 * A model as a Hugging Face folder, in a dtype of choice.
 *
 * @module
 */

import { join } from "node:path";
import { float32ToFloat16 } from "../../engine/tensor/float16.ts";
import { type RemoteTensor, safetensorsContent } from "../../engine/tensor/safetensors_writer.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import { writeFolderAtomic, writeSynced } from "../../utils/atomic_file.ts";
import type { JsonObject } from "../../utils/json.ts";
import { CONFIG_FILE, GENERATION_CONFIG_FILE, WEIGHTS_FILE } from "../hub/files.ts";
import type { StoredModel } from "../stored/stored_model.ts";

/** The dtypes that a folder may have. */
export const SAFETENSORS_EXPORT_TYPES = ["f32", "f16"] as const;

/** A dtype that a folder may have. */
export type SafetensorsExportType = (typeof SAFETENSORS_EXPORT_TYPES)[number];

/** What becomes of a weight. */
interface ExportDtype {
  readonly dtype: "float32" | "float16";
  readonly convert: (weight: Tensor<"float32">) => Tensor;
}

const DTYPES: Readonly<Record<SafetensorsExportType, ExportDtype>> = {
  f32: { dtype: "float32", convert: (weight) => weight },
  f16: {
    dtype: "float16",
    convert: ({ shape, data }) => ({ dtype: "float16", shape, data: float32ToFloat16(data) }),
  },
};

/** Options of {@linkcode exportSafetensors}. */
export interface SafetensorsExportOptions {
  /** The folder; one that is there is replaced. */
  readonly path: string;
  /** The dtype of the weights. */
  readonly type: SafetensorsExportType;
  /** Told after each weight how many of how many are written. @default {nobody} */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Writes the folder; it appears whole. */
export async function exportSafetensors(
  source: Pick<StoredModel, "model" | "weights" | "tokenizer" | "generationConfig">,
  { path, type, onProgress = () => {} }: SafetensorsExportOptions,
): Promise<void> {
  const { model, tokenizer, generationConfig } = source;
  const { dtype, convert } = DTYPES[type];
  const stream = source.weights();
  let done = 0;
  const tensors = model.weights.map(({ name, shape }): readonly [string, RemoteTensor] => [name, {
    dtype,
    shape,
    async download() {
      const { value } = await stream.next();
      if (value?.name !== name) throw new Error(`Internal: weight "${name}" comes out of order`);
      onProgress(++done, model.weights.length);
      return convert(value.tensor);
    },
  }]);
  // what the weights are stored in is said in both spellings of the key
  const config = { ...model.config, torch_dtype: dtype, dtype };
  await writeFolderAtomic(path, async (folder) => {
    const files = new Map<string, Parameters<typeof writeSynced>[1]>([
      ...(tokenizer?.files ?? []),
      [WEIGHTS_FILE, safetensorsContent(tensors, { keepOrder: true })],
      ...(generationConfig === undefined
        ? []
        : [[GENERATION_CONFIG_FILE, jsonFile(generationConfig)] as const]),
      [CONFIG_FILE, jsonFile(config)],
    ]);
    for (const [name, content] of files) await writeSynced(join(folder, name), content);
  });
}

function jsonFile(json: JsonObject): string {
  return `${JSON.stringify(json, null, 2)}\n`;
}
