/**
 * An adapter as PEFT lays it out: `adapter_config.json` and `adapter_model.safetensors`.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { toFloat32 } from "../../engine/tensor/convert.ts";
import { openSafetensors } from "../../engine/tensor/safetensors.ts";
import { type NamedTensors, safetensorsContent } from "../../engine/tensor/safetensors_writer.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import { UserError } from "../../utils/errors.ts";
import { readJsonFile } from "../../utils/json.ts";
import { ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE, CONFIG_FILE } from "../hub/files.ts";
import type { WriteFile } from "../hub/save_model.ts";
import type { LanguageModel } from "../language_model.ts";
import { type LoraConfig, loraConfigJson, parseLoraConfig } from "./lora_config.ts";
import { withNamedTargets } from "./targets.ts";
import { adapterLayout } from "./weights.ts";

export { ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE };

/** An open adapter. */
export interface Adapter extends Disposable {
  /** Its folder. */
  readonly path: string;
  /** Its settings. */
  readonly config: LoraConfig;
  /** The model that it says it was made for: a folder or a name; null if it says none. */
  readonly baseModel: string | null;
  /**
   * Reads a weight.
   *
   * @throws {UserError} If there is none of that name, or it has another shape.
   */
  read(name: string, shape: readonly number[]): Promise<Tensor<"float32">>;
  /**
   * Checks that it holds what an adapter of `model` by its settings holds, and nothing else.
   *
   * @throws {UserError} If it does not; the message names the weight.
   */
  check(model: LanguageModel): void;
}

/** Whether `path` is the folder of an adapter and not of a whole model. */
export function isAdapterFolder(path: string): boolean {
  return existsSync(join(path, ADAPTER_CONFIG_FILE)) && !existsSync(join(path, CONFIG_FILE));
}

/**
 * Opens the adapter in `path`.
 *
 * @throws {UserError} If a file is missing or broken, or says something that is not supported.
 */
export async function openAdapter(path: string): Promise<Adapter> {
  const configPath = join(path, ADAPTER_CONFIG_FILE);
  const { config, baseModel } = parseLoraConfig(await readJsonFile(configPath), configPath);
  const file = await openSafetensors(join(path, ADAPTER_WEIGHTS_FILE));
  const shapeOf = (name: string, wanted: readonly number[]): void => {
    const entry = file.entries.get(name);
    if (entry === undefined) throw unusable(path, `it has no weight "${name}"`);
    if (`${entry.shape}` !== `${wanted}`) {
      throw unusable(
        path,
        `"${name}" has the shape [${entry.shape}], but the model and ${ADAPTER_CONFIG_FILE} ask for [${wanted}]`,
      );
    }
  };
  return {
    path,
    config,
    baseModel,
    async read(name, shape) {
      shapeOf(name, shape);
      return toFloat32(await file.read(name));
    },
    check(model) {
      const { weights } = adapterLayout(model, config);
      for (const { name, shape } of weights) shapeOf(name, shape);
      const known = new Set(weights.map(({ name }) => name));
      const surplus = [...file.entries.keys()].find((name) => !known.has(name));
      if (surplus !== undefined) {
        throw unusable(path, `it stores "${surplus}", which its settings do not ask for`);
      }
    },
    [Symbol.dispose]: () => file[Symbol.dispose](),
  };
}

/** What an adapter's folder is to hold. */
export interface AdapterContents {
  /** The base model. */
  readonly model: LanguageModel;
  /** Where the base model is to be found. */
  readonly baseModel: string;
  /** Settings. */
  readonly config: LoraConfig;
  /** Weights by the names that PEFT gives them. */
  readonly tensors: NamedTensors;
  /** The tokenizer's files, by name. */
  readonly tokenizerFiles: ReadonlyMap<string, Uint8Array>;
}

/** Hands each file of an adapter to `write`, one after the other, `adapter_config.json` last. */
export async function writeAdapterFiles(
  contents: AdapterContents,
  write: WriteFile,
): Promise<void> {
  const { model, config, baseModel, tensors, tokenizerFiles } = contents;
  for (const [name, bytes] of tokenizerFiles) await write(name, bytes);
  await write(ADAPTER_WEIGHTS_FILE, safetensorsContent(tensors));
  const json = loraConfigJson(withNamedTargets(model, config), {
    baseModel,
    fanInFanOut: model.projections.some(({ transposed }) => transposed),
  });
  await write(ADAPTER_CONFIG_FILE, `${JSON.stringify(json, null, 2)}\n`);
}

function unusable(path: string, state: string): UserError {
  return new UserError(`Cannot use adapter "${path}": ${state}`);
}
