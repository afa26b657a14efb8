/**
 * A GGUF file as a model folder: `config.json`, and weights with the names and shapes of Hugging Face.
 *
 * @module
 */

import { type GgufFile, openGguf } from "../../engine/tensor/gguf/gguf_file.ts";
import type { GgufTensor } from "../../engine/tensor/gguf/header_reader.ts";
import type { Dtype, Tensor } from "../../engine/tensor/tensor.ts";
import { UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import { configFromGguf, type GgufModelConfig } from "./config_from_gguf.ts";
import { ROPE_TENSORS } from "./rope_from_gguf.ts";
import { endTokenIds } from "./special_ids.ts";
import { findWeight, type MappedWeight } from "./weight_names.ts";
import { FROM_GGUF, transformedShape } from "./weight_transforms.ts";

/** An open model in a GGUF file; it has what an open model folder has. */
export interface GgufModelFile extends Disposable {
  /** Where it lies. */
  readonly path: string;
  /** The `config.json` it amounts to. */
  readonly config: JsonObject;
  /** The `generation_config.json` it amounts to. */
  readonly generationConfig: JsonObject | undefined;
  /** Names of its weights, as Hugging Face spells them. */
  readonly weightNames: readonly string[];
  /** Returns the dtype in which a weight is stored; float32 for quantised ones, which are read so. */
  dtypeOf(name: string): Dtype;
  /** Returns the shape of a weight. */
  shapeOf(name: string): readonly number[];
  /** Reads a weight as float32. */
  readWeight(name: string, expectedShape?: readonly number[]): Promise<Tensor<"float32">>;
  /** Closes the file. */
  close(): void;
}

interface StoredWeight extends MappedWeight {
  readonly tensor: GgufTensor;
}

/**
 * Opens the model in a GGUF file.
 *
 * @throws {UserError} If the file is broken, of an unknown architecture, or holds a tensor that it should not.
 */
export async function openGgufModel(path: string): Promise<GgufModelFile> {
  const file = await openGguf(path);
  try {
    const model = await configFromGguf(file);
    return openedModel(file, model, mapWeights(file, model));
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
}

function mapWeights(
  file: GgufFile,
  { architecture }: GgufModelConfig,
): ReadonlyMap<string, StoredWeight> {
  const weights = new Map<string, StoredWeight>();
  for (const [name, tensor] of file.tensors) {
    if (ROPE_TENSORS.includes(name)) continue;
    const mapped = findWeight(architecture, { gguf: name });
    if (mapped === undefined) {
      throw new UserError(
        `Cannot use "${file.path}": it holds tensor "${name}", which a ${architecture} does not have`,
      );
    }
    weights.set(mapped.hub, { ...mapped, tensor });
  }
  return weights;
}

function openedModel(
  file: GgufFile,
  { config, numHeads, numKeyValueHeads }: GgufModelConfig,
  weights: ReadonlyMap<string, StoredWeight>,
): GgufModelFile {
  const { path } = file;
  const located = (name: string): StoredWeight => {
    const weight = weights.get(name);
    if (weight !== undefined) return weight;
    throw new UserError(`Cannot use model "${path}": it has no weight "${name}"`);
  };
  const shapeOf = (name: string): readonly number[] => {
    const { transform, tensor } = located(name);
    return transformedShape(transform, tensor.shape);
  };
  const close = () => file[Symbol.dispose]();
  const endIds = endTokenIds(file);
  return {
    path,
    config,
    generationConfig: endIds.length > 0
      ? { bos_token_id: config.bos_token_id, eos_token_id: endIds }
      : undefined,
    weightNames: [...weights.keys()],
    shapeOf,
    dtypeOf(name) {
      const { type } = located(name).tensor;
      return type === "F16" ? "float16" : type === "BF16" ? "bfloat16" : "float32";
    },
    async readWeight(name, expectedShape) {
      const { gguf, transform } = located(name);
      const shape = shapeOf(name);
      if (expectedShape !== undefined && String(expectedShape) !== String(shape)) {
        throw new UserError(
          `Cannot use model "${path}": tensor "${gguf}" has the shape [${shape}], ` +
            `but its metadata asks for [${expectedShape}]`,
        );
      }
      const stored = await file.read(gguf);
      const { data } = FROM_GGUF[transform]({ ...stored, numHeads, numKeyValueHeads });
      return { dtype: "float32", shape, data };
    },
    close,
    [Symbol.dispose]: close,
  };
}
