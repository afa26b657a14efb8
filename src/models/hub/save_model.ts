/**
 * Saving a model as Hugging Face lays it out, so that transformers opens it.
 *
 * @module
 */

import { join } from "node:path";
import { type NamedTensors, safetensorsContent } from "../../engine/tensor/safetensors_writer.ts";
import { type FileContent, removeIfThere, writeSynced } from "../../utils/atomic_file.ts";
import { fileError } from "../../utils/file_error.ts";
import type { JsonObject } from "../../utils/json.ts";
import { CONFIG_FILE, GENERATION_CONFIG_FILE, WEIGHTS_FILE, WEIGHTS_INDEX_FILE } from "./files.ts";

/** What a model folder is to hold. */
export interface ModelContents {
  /** `config.json`. */
  readonly config: JsonObject;
  /** `generation_config.json`. @default {no such file} */
  readonly generationConfig?: JsonObject | undefined;
  /** The weights, written in the dtypes they have. */
  readonly tensors: NamedTensors;
  /** The tokenizer's files, by name. */
  readonly tokenizerFiles: ReadonlyMap<string, Uint8Array>;
}

/** Writes one file of a folder. */
export type WriteFile = (name: string, content: FileContent) => Promise<void>;

/** A model and the folder to save it in. */
export interface ModelToSave extends ModelContents {
  /** The folder; it is made if it is not there, and what else it holds stays. */
  readonly path: string;
}

/** The folder inside a model's in which its files are prepared. */
const TEMPORARY_FOLDER = ".saving.part";

/**
 * Saves a model. All files are on disk before the first appears, and `config.json`, without which a folder
 * is no model, appears last: whenever the process is killed, readers see the old model, none or the new one.
 *
 * @throws {UserError} If the disk is full or the folder cannot be written; nothing half-written stays.
 */
export async function saveModelFolder({ path, ...contents }: ModelToSave): Promise<void> {
  const temporary = join(path, TEMPORARY_FOLDER);
  try {
    await Deno.mkdir(path, { recursive: true });
    await removeIfThere(temporary);
    await Deno.mkdir(temporary);
    const names: string[] = [];
    await writeModelFiles(contents, async (name, content) => {
      await writeSynced(join(temporary, name), content);
      names.push(name);
    });
    await removeIfThere(join(path, CONFIG_FILE));
    await removeIfThere(join(path, WEIGHTS_INDEX_FILE));
    for (const name of names) await Deno.rename(join(temporary, name), join(path, name));
  } catch (error) {
    throw fileError("write", path, error);
  } finally {
    await removeIfThere(temporary);
  }
}

/** Hands each file of a model to `write`, one after the other, `config.json` last. */
export async function writeModelFiles(contents: ModelContents, write: WriteFile): Promise<void> {
  const { config, generationConfig, tensors, tokenizerFiles } = contents;
  const files = new Map<string, FileContent>([
    ...tokenizerFiles,
    [WEIGHTS_FILE, safetensorsContent(tensors)],
  ]);
  if (generationConfig !== undefined) files.set(GENERATION_CONFIG_FILE, jsonFile(generationConfig));
  files.delete(CONFIG_FILE);
  files.set(CONFIG_FILE, jsonFile(config));
  for (const [name, content] of files) await write(name, content);
}

function jsonFile(json: JsonObject): string {
  return `${JSON.stringify(json, null, 2)}\n`;
}
