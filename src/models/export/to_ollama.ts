/**
 * A model as a folder that Ollama makes a model of its own from: `ollama create <name> -f Modelfile`.
 *
 * @module
 */

import { join } from "node:path";
import { writeFolderAtomic, writeSynced } from "../../utils/atomic_file.ts";
import { UserError } from "../../utils/errors.ts";
import type { StoredModel } from "../stored/stored_model.ts";
import { writeModelfile } from "./modelfile.ts";
import { exportGguf, type GgufFileType } from "./to_gguf.ts";

/** Name of the file that Ollama reads. */
export const MODELFILE = "Modelfile";

/** Name of the model beside it. */
const GGUF_FILE = "model.gguf";

/** Options of {@linkcode exportOllama}. */
export interface OllamaExportOptions {
  /** The folder; one that is there is replaced. */
  readonly path: string;
  /** What the model is called. */
  readonly name: string;
  /** The type of most weights. */
  readonly type: GgufFileType;
  /** Told after each weight how many of how many are written. @default {nobody} */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Writes the folder, which appears whole, and returns what Ollama does otherwise.
 *
 * @throws {UserError} If llama.cpp, by which Ollama computes, has no such model.
 */
export async function exportOllama(
  source: Pick<StoredModel, "path" | "model" | "weights" | "tokenizer" | "generationConfig">,
  options: OllamaExportOptions,
): Promise<readonly string[]> {
  const { model, tokenizer, generationConfig } = source;
  if (tokenizer === undefined) {
    throw new UserError(`Cannot export "${source.path}" to Ollama: it has no tokenizer`);
  }
  const { path, ...rest } = options;
  const gguf = exportGguf({ model, tokenizer, weights: () => source.weights(), ...rest });
  const modelfile = writeModelfile({ ggufFile: GGUF_FILE, tokenizer, generationConfig });
  await writeFolderAtomic(path, async (folder) => {
    await writeSynced(join(folder, GGUF_FILE), gguf.content);
    await writeSynced(join(folder, MODELFILE), modelfile.text);
  });
  return [...gguf.warnings, ...modelfile.warnings];
}
