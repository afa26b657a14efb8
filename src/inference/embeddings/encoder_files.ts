/**
 * The files of an encoder: a folder as the hub has it, with an ONNX file.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { ARCHITECTURES } from "../../models/architectures.ts";
import { CONFIG_FILE } from "../../models/hub/files.ts";
import { UserError } from "../../utils/errors.ts";
import { readOptionalObject } from "./folder_json.ts";

/** Where the ONNX file may lie and what it may be called, the most exact first. */
const FOLDERS = ["onnx", ""];
const NAMES = [
  "model",
  "model_fp16",
  "model_quantized",
  "model_int8",
  "model_uint8",
  "model_q4",
  "model_q4f16",
  "model_bnb4",
];

/** An ONNX file of a model. */
export interface EncoderFile {
  /** Its folder in that of the model. */
  readonly subfolder: string;
  /** Its name without ending. */
  readonly name: string;
}

/** Whether the model in `folder` is an encoder: one that no generating architecture reads, with an ONNX file. */
export async function isEncoderFolder(folder: string): Promise<boolean> {
  const config = await readOptionalObject(join(folder, CONFIG_FILE));
  const type = String(config?.["model_type"]);
  return config !== undefined && !Object.hasOwn(ARCHITECTURES, type) &&
    findEncoderFile(folder) !== undefined;
}

/** Returns the ONNX file of the model in `folder`, if it has one. */
export function findEncoderFile(folder: string): EncoderFile | undefined {
  return FOLDERS.flatMap((subfolder) => NAMES.map((name) => ({ subfolder, name })))
    .find((file) => existsSync(join(folder, encoderPath(file))));
}

/** Returns the path of an ONNX file in its model's folder. */
export function encoderPath({ subfolder, name }: EncoderFile): string {
  return join(subfolder, `${name}.onnx`);
}

/**
 * Returns how many tokens the encoder in `folder` reads at most.
 *
 * @throws {UserError} If a file says nonsense.
 */
export async function encoderPositions(
  folder: string,
  config: Readonly<Record<string, unknown>>,
): Promise<number> {
  const sentences = await readOptionalObject(join(folder, "sentence_bert_config.json"));
  const tokenizer = await readOptionalObject(join(folder, "tokenizer_config.json"));
  const limits = [
    learnedPositions(config),
    sentences?.["max_seq_length"],
    tokenizer?.["model_max_length"],
  ].filter((limit) => typeof limit === "number" && limit > 0);
  const most = Math.min(...limits as number[]);
  if (Number.isFinite(most)) return most;
  throw new UserError(
    `Cannot use "${folder}" as an encoder: neither "max_position_embeddings" of ${CONFIG_FILE} nor ` +
      `"model_max_length" of tokenizer_config.json says how many tokens it reads`,
  );
}

/** Architectures whose positions are counted from behind the padding token's id. */
const OFFSET_TYPES = ["roberta", "xlm-roberta", "camembert", "mpnet", "longformer"];

function learnedPositions(config: Readonly<Record<string, unknown>>): number | undefined {
  const { model_type: type, max_position_embeddings: positions, pad_token_id: pad } = config;
  if (typeof positions !== "number") return undefined;
  const isOffset = OFFSET_TYPES.includes(String(type));
  return isOffset ? positions - (typeof pad === "number" ? pad : 1) - 1 : positions;
}
