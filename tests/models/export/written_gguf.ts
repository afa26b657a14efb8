/**
 * Writes model folders as GGUF files, whether or not their architecture can be computed here.
 *
 * @module
 */

import { exportGguf, type GgufFileType } from "../../../src/models/export/to_gguf.ts";
import { type ModelFolder, openModelFolder } from "../../../src/models/hub/folder.ts";
import type { LanguageModel } from "../../../src/models/language_model.ts";
import type { Tokenizer } from "../../../src/models/tokenizer/tokenizer.ts";
import { writeFileAtomic } from "../../../src/utils/atomic_file.ts";
import type { JsonObject } from "../../../src/utils/json.ts";

/** Options of {@linkcode writeGguf}. */
export interface WriteGgufOptions {
  /** Where to write. */
  readonly to: string;
  /** The type of most weights. @default {"f32"} */
  readonly type?: GgufFileType;
  /** Keys that replace those of `config.json`. @default {{}} */
  readonly config?: JsonObject;
  /** Its tokenizer. @default {none} */
  readonly tokenizer?: Tokenizer | undefined;
}

/** Writes the model in `folder` and returns the warnings. */
export async function writeGguf(folder: string, options: WriteGgufOptions): Promise<string[]> {
  using opened = await openModelFolder(folder);
  const { content, warnings } = exportGguf({
    model: modelOf(opened, options.config ?? {}),
    weights: async function* () {
      for (const name of opened.weightNames) yield { name, tensor: await opened.readWeight(name) };
    },
    tokenizer: options.tokenizer,
    name: "test",
    type: options.type ?? "f32",
  });
  await writeFileAtomic(options.to, content);
  return [...warnings];
}

/** As much of a model as is written: what it stores and its configuration. */
function modelOf(folder: ModelFolder, changes: JsonObject): LanguageModel {
  const config = { ...folder.config, ...changes };
  return {
    config,
    vocabSize: config.vocab_size,
    weights: folder.weightNames.map((name) => ({ name, shape: folder.shapeOf(name) })),
  } as unknown as LanguageModel;
}
