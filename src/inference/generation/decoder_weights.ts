/**
 * A model's weights as values of the graph that generates: in one of the forms of `weight_types.ts`, and matrices that
 * multiply the same thing joined to one.
 *
 * @module
 */

import { add, concat, gather, gemm, linear, matMul } from "../../engine/graph/build.ts";
import { frozenRows } from "../../engine/graph/frozen.ts";
import { blockQuantizedLinear, rowQuantizedLinear } from "../../engine/graph/inference.ts";
import type { Value } from "../../engine/graph/value.ts";
import type { Device } from "../../engine/runtime/session.ts";
import { toFloat32 } from "../../engine/tensor/convert.ts";
import { float16ToFloat32, float32ToFloat16 } from "../../engine/tensor/float16.ts";
import { quantizeBlocks } from "../../engine/tensor/quantize_blocks.ts";
import { quantizeColumns } from "../../engine/tensor/quantize_columns.ts";
import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import { cutFeatures } from "../../models/attention.ts";
import type { LanguageModel, Project, Projection } from "../../models/language_model.ts";
import { joinedProjections } from "./joined_projections.ts";
import { createWeightHolder, type WeightHolder } from "./weight_holder.ts";
import type { WeightType } from "./weight_types.ts";

/** A weight with its name. */
export interface NamedTensor {
  /** Name in the checkpoint. */
  readonly name: string;
  /** Its elements. */
  readonly tensor: Tensor;
}

/** A model's weights as a graph uses them. */
export interface DecoderWeights {
  /** Returns a weight that is no matrix of a linear layer. */
  readonly weight: (name: string) => Value;
  /** Computes linear layers. */
  readonly project: Project;
  /** Returns rows of an embedding matrix. */
  readonly embedRows: (name: string, ids: Value) => Value;
  /** Returns the product of hidden states [rows, hiddenSize] with the output matrix. */
  readonly logits: (hidden: Value) => Value;
  /** Weights that every run has to be given, by the names of inputs. */
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/** Options of {@linkcode readDecoderWeights}. */
export interface DecoderWeightsOptions {
  /** The form of matrices. */
  readonly type: WeightType;
  /** Where they are multiplied. */
  readonly device: Device;
}

/**
 * Linear layers that feel the rounding of their matrices most: to values, and back from the middle of the feed-forward
 * network. They keep 8 bits, as logits do: with 4, a model of 135 million parameters loses four times as much.
 */
const DELICATE = /(?:v_proj|qkv_proj|c_attn|down_proj|mlp\.c_proj)$/;

interface HeldOptions extends DecoderWeightsOptions {
  /** Makes weights values of the graph. */
  readonly holder: WeightHolder;
}

interface MultiplierOptions extends HeldOptions {
  /** Whether 4 bits are too few. */
  readonly isDelicate: boolean;
  /** Whether it makes logits. @default {false} */
  readonly isOutput?: boolean;
}

/** Multiplies by a matrix: x [..., inFeatures] → [..., outFeatures]. */
type Multiply = (x: Value) => Value;

/** Takes a model's weights one by one and keeps of each only the form that is used. */
export async function readDecoderWeights(
  model: LanguageModel,
  weights: AsyncIterable<NamedTensor> | Iterable<NamedTensor>,
  options: DecoderWeightsOptions,
): Promise<DecoderWeights> {
  const groups = joinedProjections(model.projections);
  const groupOf = new Map(groups.flatMap((group) => group.map(({ name }) => [name, group])));
  const matrixOwner = new Map(model.projections.map(({ name }) => [`${name}.weight`, name]));
  const waiting = new Map<string, Tensor<"float32">>();
  const multipliers = new Map<readonly Projection[], Multiply>();
  const plain = new Map<string, Value>();
  const embeddings = new Map<string, (ids: Value) => Value>();
  let output: Multiply | undefined;
  const holder = createWeightHolder(options.device);
  const held = { ...options, holder };

  for await (const { name, tensor: stored } of weights) {
    const owner = matrixOwner.get(name);
    if (owner !== undefined) {
      const group = groupOf.get(owner)!;
      waiting.set(owner, toFloat32(stored));
      if (!group.every((each) => waiting.has(each.name))) continue;
      multipliers.set(
        group,
        multiplier(joinedMatrix(group, waiting), {
          ...held,
          isDelicate: group.some((each) => DELICATE.test(each.name)),
        }),
      );
      for (const each of group) waiting.delete(each.name);
      continue;
    }
    const matrix = toFloat32(stored);
    if (name === model.outputWeight) {
      output = multiplier(matrix, { ...held, isDelicate: true, isOutput: true });
    }
    if (isEmbedding(name, model)) embeddings.set(name, rowLookup(matrix, held));
    else if (name !== model.outputWeight) plain.set(name, holder.hold(matrix));
  }

  const weight = (name: string): Value => found(plain.get(name), name);
  return {
    weight,
    project: joinedProject({ groupOf, multipliers, weight }),
    embedRows: (name, ids) => found(embeddings.get(name), name)(ids),
    logits: (hidden) => found(output, model.outputWeight)(hidden),
    feeds: holder.feeds,
  };
}

function found<T>(thing: T | undefined, name: string): T {
  if (thing === undefined) throw new Error(`Internal: the weight "${name}" was not read`);
  return thing;
}

/** Whether rows of a weight are looked up: of tokens, or of positions. */
function isEmbedding(name: string, { vocabSize, maxPositions, weights }: LanguageModel): boolean {
  if (!/(?:embed_tokens|wte|wpe)\.weight$/.test(name)) return false;
  const shape = weights.find((spec) => spec.name === name)?.shape;
  return shape?.length === 2 && (shape[0] === vocabSize || shape[0] === maxPositions);
}

/** Computes projections by the joined ones, each of which is written once for what it multiplies. */
function joinedProject({ groupOf, multipliers, weight }: {
  readonly groupOf: ReadonlyMap<string, readonly Projection[]>;
  readonly multipliers: ReadonlyMap<readonly Projection[], Multiply>;
  readonly weight: (name: string) => Value;
}): Project {
  const made = new Map<readonly Projection[], { readonly x: Value; readonly parts: Value[] }>();
  return (x, { name }) => {
    const group = found(groupOf.get(name), name);
    let known = made.get(group);
    if (known?.x !== x) {
      const bare = found(multipliers.get(group), name)(x);
      const biases = group.filter(({ biased }) => biased).map(({ name }) => weight(`${name}.bias`));
      const product = biases.length === 0 ? bare : add(bare, concat(biases, 0));
      const parts = group.length === 1
        ? [product]
        : cutFeatures(product, group.map(({ outFeatures }) => outFeatures));
      known = { x, parts };
      made.set(group, known);
    }
    return known.parts[group.findIndex((each) => each.name === name)]!;
  };
}

/** Returns the matrices of some projections, one below the other: [outFeatures, inFeatures]. */
function joinedMatrix(
  group: readonly Projection[],
  matrices: ReadonlyMap<string, Tensor<"float32">>,
): Tensor<"float32"> {
  const [{ inFeatures, name }] = group as [Projection];
  if (group.length === 1 && !group[0]!.transposed) return matrices.get(name)!;
  const rows = group.reduce((sum, { outFeatures }) => sum + outFeatures, 0);
  const data = new Float32Array(rows * inFeatures);
  let start = 0;
  for (const { name, outFeatures, transposed } of group) {
    const { data: part } = matrices.get(name)!;
    if (!transposed) {
      data.set(part, start);
    } else {
      for (let row = 0; row < outFeatures; row++) {
        for (let column = 0; column < inFeatures; column++) {
          data[start + row * inFeatures + column] = part[column * outFeatures + row]!;
        }
      }
    }
    start += outFeatures * inFeatures;
  }
  return tensor("float32", [rows, inFeatures], data);
}

/** Returns what multiplies by a matrix [outFeatures, inFeatures] in the form that is wanted. */
function multiplier(
  matrix: Tensor<"float32">,
  { type, device, holder, isDelicate, isOutput = false }: MultiplierOptions,
): Multiply {
  switch (type) {
    case "f32":
    case "f16": {
      const rounded = type === "f16" ? halved(matrix) : matrix;
      if (!isOutput && !holder.fits(rounded.data.byteLength)) {
        // Turned around here, as otherwise every run would do it.
        const turned = holder.leaveOutside(turnedAround(rounded));
        return (x) => matMul(x, turned);
      }
      const weight = holder.hold(rounded);
      if (isOutput) return (x) => gemm(x, weight, { transB: true });
      return (x) => linear(x, weight);
    }
    case "int8":
    case "int4": {
      const bits = type === "int8" || isDelicate ? 8 : 4;
      if (bits === 8 && device !== "webgpu") {
        const quantized = quantizeColumns(matrix);
        const weight = holder.hold(quantized.weight);
        const scales = holder.hold(quantized.scales);
        return (x) => rowQuantizedLinear(x, { weight, scales });
      }
      const quantized = quantizeBlocks(matrix, { bits });
      const parts = {
        ...quantized,
        weight: holder.hold(quantized.weight),
        scales: holder.hold(quantized.scales),
        zeroPoints: holder.hold(quantized.zeroPoints),
      };
      return (x) => blockQuantizedLinear(x, parts);
    }
  }
}

/**
 * Returns what looks rows of a matrix up. They are in half precision where matrices are smaller than float32: whatever
 * the model computes begins with them, and 8 bits there do more harm than in all layers together. GPUs gather no halves.
 */
function rowLookup(
  matrix: Tensor<"float32">,
  { type, device, holder }: HeldOptions,
): (ids: Value) => Value {
  if (type === "f32" || device === "webgpu") {
    const weight = holder.leaveOutside(type === "f16" ? halved(matrix) : matrix);
    return (ids) => gather(weight, ids);
  }
  const { shape, data } = matrix;
  const weight = holder.leaveOutside(tensor("float16", shape, float32ToFloat16(data)));
  return (ids) => frozenRows({ weight }, ids);
}

function halved({ shape, data }: Tensor<"float32">): Tensor<"float32"> {
  return tensor("float32", shape, float16ToFloat32(float32ToFloat16(data)));
}

/** Transposes a matrix, in squares that fit the cache. */
function turnedAround({ shape, data }: Tensor<"float32">): Tensor<"float32"> {
  const [rows, columns] = shape as [number, number];
  const result = new Float32Array(data.length);
  const block = 32;
  for (let row0 = 0; row0 < rows; row0 += block) {
    const rowEnd = Math.min(row0 + block, rows);
    for (let column0 = 0; column0 < columns; column0 += block) {
      const columnEnd = Math.min(column0 + block, columns);
      for (let row = row0; row < rowEnd; row++) {
        for (let column = column0; column < columnEnd; column++) {
          result[column * rows + row] = data[row * columns + column]!;
        }
      }
    }
  }
  return tensor("float32", [columns, rows], result);
}
