/**
 * A model as Hugging Face lays it out: `config.json` and safetensors files, one or several.
 *
 * @module
 */

import { join } from "node:path";
import { toFloat32 } from "../../engine/tensor/convert.ts";
import {
  openSafetensors,
  type SafetensorsEntry,
  type SafetensorsFile,
} from "../../engine/tensor/safetensors.ts";
import type { Dtype, Tensor } from "../../engine/tensor/tensor.ts";
import { UserError } from "../../utils/errors.ts";
import { anyObject, decode, decodeError, type JsonObject, readJsonFile } from "../../utils/json.ts";
import { isGgufPath } from "../../utils/paths.ts";
import { openGgufModel } from "../gguf/model_file.ts";
import { CONFIG_FILE, GENERATION_CONFIG_FILE, WEIGHTS_FILE, WEIGHTS_INDEX_FILE } from "./files.ts";

/** An open model folder. */
export interface ModelFolder extends Disposable {
  /** Where it lies. */
  readonly path: string;
  /** Its `config.json`, as it is. */
  readonly config: JsonObject;
  /** Its `generation_config.json`, if it has one. */
  readonly generationConfig: JsonObject | undefined;
  /** Names of the stored weights; of two tied matrices, files often store only one. */
  readonly weightNames: readonly string[];
  /**
   * Returns the dtype in which a weight is stored.
   *
   * @throws {UserError} If there is no weight of that name.
   */
  dtypeOf(name: string): Dtype;
  /**
   * Returns the shape of a weight.
   *
   * @throws {UserError} If there is no weight of that name.
   */
  shapeOf(name: string): readonly number[];
  /**
   * Reads a weight as float32.
   *
   * @throws {UserError} If there is none of that name, if it has another shape than `expectedShape`, or if it
   * holds integers.
   */
  readWeight(name: string, expectedShape?: readonly number[]): Promise<Tensor<"float32">>;
  /** Closes its files; `using` does so too. */
  close(): void;
}

/**
 * Opens a model folder and checks that its files are whole; a GGUF file opens as if it were one.
 *
 * @throws {UserError} If a file is missing or broken; the message names it.
 */
export async function openModelFolder(path: string): Promise<ModelFolder> {
  if (isGgufPath(path)) return await openGgufModel(path);
  const found = new Set(await fileNames(path));
  if (!found.has(CONFIG_FILE)) throw unusable(path, `it has no ${CONFIG_FILE}`);
  const config = await readObject(join(path, CONFIG_FILE));
  const generationConfig = found.has(GENERATION_CONFIG_FILE)
    ? await readObject(join(path, GENERATION_CONFIG_FILE))
    : undefined;
  const weights = found.has(WEIGHTS_FILE)
    ? await openSingle(path)
    : found.has(WEIGHTS_INDEX_FILE)
    ? await openShards(path, found)
    : undefined;
  if (weights === undefined) throw unusable(path, missingWeights(found));
  const { files, fileOf } = weights;

  const located = (name: string): { file: SafetensorsFile; entry: SafetensorsEntry } => {
    const file = fileOf.get(name);
    const entry = file?.entries.get(name);
    if (file === undefined || entry === undefined) {
      throw unusable(path, `it has no weight "${name}"`);
    }
    return { file, entry };
  };
  const close = () => files.forEach((file) => file[Symbol.dispose]());

  return {
    path,
    config,
    generationConfig,
    weightNames: [...fileOf.keys()],
    dtypeOf: (name) => located(name).entry.dtype,
    shapeOf: (name) => located(name).entry.shape,
    async readWeight(name, expectedShape) {
      const { file, entry } = located(name);
      if (expectedShape !== undefined && !isSameShape(entry.shape, expectedShape)) {
        throw unusable(
          path,
          `weight "${name}" in ${file.path} has the shape [${entry.shape}], ` +
            `but ${CONFIG_FILE} asks for [${expectedShape}]`,
        );
      }
      const stored = await file.read(name);
      try {
        return toFloat32(stored);
      } catch (cause) {
        const state = `weight "${name}" in ${file.path} is stored as ${entry.dtype}; ` +
          "quantised weights cannot be read";
        throw new UserError(`Cannot use model "${path}": ${state}`, { cause });
      }
    },
    close,
    [Symbol.dispose]: close,
  };
}

/**
 * Reads the `config.json` of a model folder, or what a GGUF file says instead, without its weights.
 *
 * @throws {UserError} If it cannot be read.
 */
export async function readModelConfig(path: string): Promise<JsonObject> {
  if (!isGgufPath(path)) return await readObject(join(path, CONFIG_FILE));
  using model = await openGgufModel(path);
  return model.config;
}

async function readObject(path: string): Promise<JsonObject> {
  return decode(anyObject(), await readJsonFile(path), path);
}

interface WeightFiles {
  readonly files: readonly SafetensorsFile[];
  readonly fileOf: ReadonlyMap<string, SafetensorsFile>;
}

async function openSingle(path: string): Promise<WeightFiles> {
  const file = await openSafetensors(join(path, WEIGHTS_FILE));
  return { files: [file], fileOf: new Map([...file.entries.keys()].map((name) => [name, file])) };
}

async function openShards(path: string, found: ReadonlySet<string>): Promise<WeightFiles> {
  const indexPath = join(path, WEIGHTS_INDEX_FILE);
  const weightMap = parseIndex(await readObject(indexPath), indexPath);
  const shardNames = [...new Set(weightMap.values())];
  const missing = shardNames.filter((name) => !found.has(name));
  if (missing.length > 0) {
    throw unusable(
      path,
      `${WEIGHTS_INDEX_FILE} names ${missing.join(", ")}, of which there is no such file; ` +
        "download it again",
    );
  }
  const shards = new Map<string, SafetensorsFile>();
  try {
    for (const name of shardNames) shards.set(name, await openSafetensors(join(path, name)));
    const fileOf = new Map<string, SafetensorsFile>();
    for (const [weight, shardName] of weightMap) {
      const shard = shards.get(shardName)!;
      if (!shard.entries.has(weight)) {
        throw unusable(path, `${WEIGHTS_INDEX_FILE} looks for "${weight}" in ${shardName} in vain`);
      }
      fileOf.set(weight, shard);
    }
    return { files: [...shards.values()], fileOf };
  } catch (error) {
    shards.forEach((shard) => shard[Symbol.dispose]());
    throw error;
  }
}

/** Returns the file of each weight. */
function parseIndex(index: JsonObject, source: string): ReadonlyMap<string, string> {
  const files = decode(anyObject(), index.weight_map, `${source}: weight_map`);
  return new Map(
    Object.entries(files).map(([weight, file]) => {
      // a name with a folder in it could lead out of the model
      if (typeof file === "string" && /^[^/\\]+\.safetensors$/.test(file)) return [weight, file];
      throw decodeError({ source, key: `weight_map.${weight}` }, "the name of a file", file);
    }),
  );
}

async function fileNames(path: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(path)) names.push(name);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
      throw new UserError(`Cannot use model "${path}": there is no such folder`, { cause });
    }
    throw new UserError(`Cannot use model "${path}": the folder cannot be read`, { cause });
  }
  return names;
}

function missingWeights(found: ReadonlySet<string>): string {
  const other = [...found].find((name) => /\.(bin|pt|pth|gguf|onnx|h5|msgpack)$/.test(name));
  const hint = other === undefined
    ? ""
    : isGgufPath(other)
    ? `; to use ${other}, name the file itself`
    : `; ${other} is another format, convert it to safetensors`;
  return `it has neither ${WEIGHTS_FILE} nor ${WEIGHTS_INDEX_FILE}${hint}`;
}

function isSameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}

function unusable(path: string, state: string): UserError {
  return new UserError(`Cannot use model "${path}": ${state}`);
}
