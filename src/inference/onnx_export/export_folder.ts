/**
 * A model's folder as a folder that transformers.js opens.
 *
 * @module
 */

import { join } from "node:path";
import { modelFiles } from "../../engine/onnx/model_file.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import { createModel } from "../../models/architectures.ts";
import { CONFIG_FILE, GENERATION_CONFIG_FILE } from "../../models/hub/files.ts";
import { type ModelFolder, openModelFolder } from "../../models/hub/folder.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import { loadTokenizer } from "../../models/tokenizer/load_tokenizer.ts";
import { readWeights } from "../../models/weights.ts";
import { type FileContent, removeIfThere, writeSynced } from "../../utils/atomic_file.ts";
import { fileError } from "../../utils/file_error.ts";
import { anyObject, decode, type JsonObject, readJsonFile } from "../../utils/json.ts";
import { decoderModel } from "./decoder_model.ts";
import { transformersJsConfig, transformersJsTokenizer } from "./transformers_js.ts";
import type { StoredWeight } from "./weight_spelling.ts";
import { ONNX_VARIANTS, type OnnxType } from "./weight_types.ts";

/** How far an export has come. */
export interface OnnxExportProgress {
  /** Weights converted. */
  readonly done: number;
  /** Weights in all. */
  readonly total: number;
}

/** Options of {@linkcode exportOnnxFolder}. */
export interface ExportOnnxOptions {
  /** The folder to write; it is made if it is not there, and what else it holds stays. */
  readonly output: string;
  /** Type of the weights. @default {"f32"} */
  readonly type?: OnnxType;
  /** Told of each weight when it is converted. */
  readonly onProgress?: (progress: OnnxExportProgress) => void;
  /** Ends the export; nothing half-written stays. */
  readonly signal?: AbortSignal | undefined;
  /** The most bytes of weights in one file; with more, they lie in files beside the model. @default {1_500_000_000} */
  readonly maxFileBytes?: number;
}

/** The folder in which files are prepared. */
const TEMPORARY_FOLDER = ".exporting.part";

/** The folder in which transformers.js looks for models. */
const ONNX_FOLDER = "onnx";

/**
 * Writes the model in `folder` for transformers.js: `onnx/model.onnx` (or the name that its `dtype` has),
 * `config.json`, the tokenizer's files. Several types can be exported into one folder, one after the other; the last
 * is what transformers.js takes when it is asked for none.
 *
 * @returns The paths of the files written, inside `output`.
 * @throws {UserError} If the model cannot be used, the disk is full or the folder cannot be written.
 */
export async function exportOnnxFolder(
  folder: string,
  options: ExportOnnxOptions,
): Promise<string[]> {
  const { output, type = "f32", signal } = options;
  using opened = await openModelFolder(folder);
  const tokenizer = await loadTokenizer(folder);
  const model = createModel(opened.config);
  const temporary = join(output, TEMPORARY_FOLDER);
  const names: string[] = [];
  const write = async (name: string, content: FileContent): Promise<void> => {
    signal?.throwIfAborted();
    await writeSynced(join(temporary, name), content);
    names.push(name);
  };
  try {
    const earlier = await readEarlierConfig(output);
    await removeIfThere(temporary);
    await Deno.mkdir(join(temporary, ONNX_FOLDER), { recursive: true });
    const onnxFiles = await writeOnnx(model, { ...options, type, opened, write });
    for (const [name, bytes] of transformersJsTokenizer(tokenizer)) await write(name, bytes);
    const { generationConfig } = opened;
    if (generationConfig !== undefined) await write(GENERATION_CONFIG_FILE, json(generationConfig));
    const config = transformersJsConfig(opened.config, {
      earlier,
      type,
      dataFiles: onnxFiles.length - 1,
    });
    await write(CONFIG_FILE, json(config));
    signal?.throwIfAborted();
    await Deno.mkdir(join(output, ONNX_FOLDER), { recursive: true });
    for (const name of names) await Deno.rename(join(temporary, name), join(output, name));
  } catch (error) {
    if (signal?.aborted) throw error;
    throw fileError("write", output, error);
  } finally {
    await removeIfThere(temporary);
  }
  return names;
}

async function writeOnnx(
  model: LanguageModel,
  { opened, type, write, ...options }: Omit<ExportOnnxOptions, "type"> & {
    readonly opened: ModelFolder;
    readonly type: OnnxType;
    readonly write: (name: string, content: FileContent) => Promise<void>;
  },
): Promise<readonly string[]> {
  const { onnx, stored } = decoderModel(model, { type });
  const { maxFileBytes, onProgress, signal } = options;
  const weights = readWeights(model, opened);
  let done = 0;
  const onWeight = (): void => {
    signal?.throwIfAborted();
    onProgress?.({ done: ++done, total: model.weights.length });
  };
  const files = modelFiles(onnx, {
    name: ONNX_VARIANTS[type].file,
    deferred: stored.flatMap(({ parts }) => parts),
    elements: encodedParts(weights, { stored, onWeight }),
    ...(maxFileBytes === undefined ? {} : { maxBytes: maxFileBytes }),
  });
  for (const { name, content } of files) await write(`${ONNX_FOLDER}/${name}`, content);
  return files.map(({ name }) => name);
}

/** Yields the elements of what is stored of each weight, in the order of the weights. */
async function* encodedParts(
  weights: AsyncIterable<{ readonly name: string; readonly tensor: Tensor<"float32"> }>,
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
