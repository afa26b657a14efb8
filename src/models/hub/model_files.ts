/**
 * Which files of a repository make a model.
 *
 * @module
 */

import {
  ADAPTER_CONFIG_FILE,
  ADAPTER_WEIGHTS_FILE,
  CONFIG_FILE,
  GENERATION_CONFIG_FILE,
  WEIGHTS_FILE,
  WEIGHTS_INDEX_FILE,
} from "./files.ts";

/** How much of a model is wanted. */
export type ModelPart = "model" | "tokenizer";

/** Small files that belong to a model, its tokenizer and its chat template. */
const SMALL_FILES: readonly string[] = [
  CONFIG_FILE,
  GENERATION_CONFIG_FILE,
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "chat_template.jinja",
  "chat_template.json",
  "vocab.json",
  "merges.txt",
  "tokenizer.model",
];

const LICENCE = /^(?:LICEN[CS]E|NOTICE|USE_POLICY)(?:\.(?:md|txt))?$/;
const OTHER_WEIGHTS = /\.(?:bin|pt|pth|gguf|onnx|h5|msgpack)$/;

/** The files to download, the weights of several files aside, which the index names. */
export interface ModelFiles {
  /** Small files, the index among them. */
  readonly small: readonly string[];
  /** Files of weights. */
  readonly weights: readonly string[];
  /** Whether {@linkcode WEIGHTS_INDEX_FILE} names the files of weights. */
  readonly indexed: boolean;
}

/** Chooses from the names of a repository's files; a `string` says why they are no model. */
export function chooseModelFiles(
  names: readonly string[],
  part: ModelPart,
): ModelFiles | string {
  const has = new Set(names);
  const small = names.filter((name) => SMALL_FILES.includes(name) || LICENCE.test(name));
  if (!has.has(CONFIG_FILE) && has.has(ADAPTER_CONFIG_FILE) && has.has(ADAPTER_WEIGHTS_FILE)) {
    return {
      small: [...small, ADAPTER_CONFIG_FILE],
      weights: [ADAPTER_WEIGHTS_FILE],
      indexed: false,
    };
  }
  if (!has.has(CONFIG_FILE)) return `it has no ${CONFIG_FILE}${instead(names)}`;
  if (part === "tokenizer") return { small, weights: [], indexed: false };
  if (has.has(WEIGHTS_FILE)) return { small, weights: [WEIGHTS_FILE], indexed: false };
  if (has.has(WEIGHTS_INDEX_FILE)) {
    return { small: [...small, WEIGHTS_INDEX_FILE], weights: [], indexed: true };
  }
  return `it has neither ${WEIGHTS_FILE} nor ${WEIGHTS_INDEX_FILE}${instead(names)}`;
}

function instead(names: readonly string[]): string {
  const other = names.find((name) => OTHER_WEIGHTS.test(name));
  return other === undefined
    ? ""
    : `; ${other} is another format, look for a repository of this model with safetensors`;
}
