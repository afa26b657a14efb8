/**
 * A model as a folder that transformers.js opens.
 *
 * @module
 */

import { join } from "node:path";
import { type ModelFile, modelFiles } from "../../engine/onnx/model_file.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import { CONFIG_FILE, GENERATION_CONFIG_FILE } from "../../models/hub/files.ts";
import type { StoredModel } from "../../models/stored/stored_model.ts";
import type { NamedWeight } from "../../models/weights.ts";
import { type FileContent, removeIfThere, writeSynced } from "../../utils/atomic_file.ts";
import { fileError } from "../../utils/file_error.ts";
import { anyObject, decode, type JsonObject, readJsonFile } from "../../utils/json.ts";
import { decoderModel } from "./decoder_model.ts";
import { transformersJsConfig, transformersJsTokenizer } from "./transformers_js.ts";
import type { StoredWeight } from "./weight_spelling.ts";
import { ONNX_VARIANTS, type OnnxType } from "./weight_types.ts";

/** Options of {@linkcode exportOnnxFolder}. */
export interface OnnxExportOptions {
  /** The folder to write; it is made if it is not there, and what else it holds stays. */
  readonly path: string;
  /** Type of the weights. @default {"f32"} */
  readonly type?: OnnxType;
  /** Told of each weight how many of how many are converted; what it throws ends the export. @default {nobody} */
  readonly onProgress?: (done: number, total: number) => void;
  /** The most bytes of weights in one file; with more, they lie in files beside the model. @default {1_500_000_000} */
  readonly maxFileBytes?: number;
}

/** A model to export. */
export type OnnxExportSource = Pick<
  StoredModel,
  "model" | "weights" | "tokenizer" | "generationConfig"
>;

/** The folder in which files are prepared. */
const TEMPORARY_FOLDER = ".exporting.part";

/** The folder in which transformers.js looks for models. */
const ONNX_FOLDER = "onnx";

/**
 * Writes a model for transformers.js: `onnx/model.onnx` (or the name that its `dtype` has), `config.json`, the
 * tokenizer's files. Several types can be exported into one folder, one after the other; the last is what
 * transformers.js takes when it is asked for none.
 *
 * @returns The paths of the files written, inside the folder.
 * @throws {UserError} If a weight does not fit its type, the disk is full or the folder cannot be written; nothing
 * half-written stays.
 */
export async function exportOnnxFolder(
  source: OnnxExportSource,
  options: OnnxExportOptions,
): Promise<string[]> {
  const { path, type = "f32" } = options;
  const temporary = join(path, TEMPORARY_FOLDER);
  const names: string[] = [];
  const write = async (name: string, content: FileContent): Promise<void> => {
    await writeSynced(join(temporary, name), content);
    names.push(name);
  };
  try {
    const earlier = await readEarlierConfig(path);
    await removeIfThere(temporary);
    await Deno.mkdir(join(temporary, ONNX_FOLDER), { recursive: true });
    const files = onnxFiles(source, { ...options, type });
    for (const { name, content } of files) await write(`${ONNX_FOLDER}/${name}`, content);
    for (const [name, bytes] of transformersJsTokenizer(source.tokenizer)) await write(name, bytes);
    const { model: { config }, generationConfig } = source;
    if (generationConfig !== undefined) await write(GENERATION_CONFIG_FILE, json(generationConfig));
    const dataFiles = files.length - 1;
    await write(CONFIG_FILE, json(transformersJsConfig(config, { earlier, type, dataFiles })));
    await Deno.mkdir(join(path, ONNX_FOLDER), { recursive: true });
    for (const name of names) await Deno.rename(join(temporary, name), join(path, name));
  } catch (error) {
    throw fileError("write", path, error);
  } finally {
    await removeIfThere(temporary);
  }
  return names;
}

/** Returns the model's files in the folder `onnx`. */
function onnxFiles(
  source: OnnxExportSource,
  { type, maxFileBytes, onProgress = () => {} }: OnnxExportOptions & { readonly type: OnnxType },
): readonly ModelFile[] {
  const { onnx, stored } = decoderModel(source.model, { type });
  let done = 0;
  const onWeight = (): void => onProgress(++done, source.model.weights.length);
  return modelFiles(onnx, {
    name: ONNX_VARIANTS[type].file,
    deferred: stored.flatMap(({ parts }) => parts),
    elements: encodedParts(source.weights(), { stored, onWeight }),
    ...(maxFileBytes === undefined ? {} : { maxBytes: maxFileBytes }),
  });
}

/** Yields the elements of what is stored of each weight, in the order of the weights. */
async function* encodedParts(
  weights: AsyncIterable<NamedWeight>,
  { stored, onWeight }: {
    readonly stored: readonly StoredWeight[];
    readonly onWeight: () => void;
  },
): AsyncGenerator<Tensor["data"], void> {
  const byWeight = Map.groupBy(stored, ({ weight }) => weight);
  for await (const { name, tensor } of weights) {
    const parts = (byWeight.get(name) ?? []).flatMap(({ encode }) => encode(tensor.data));
    onWeight();
    yield* parts;
  }
}

/** Returns the `config.json` that an earlier export left in `folder`. */
async function readEarlierConfig(folder: string): Promise<JsonObject | undefined> {
  const path = join(folder, CONFIG_FILE);
  try {
    await Deno.stat(path);
  } catch {
    return undefined;
  }
  return decode(anyObject(), await readJsonFile(path), path);
}

function json(value: JsonObject): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
