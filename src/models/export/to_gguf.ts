/**
 * A model as a GGUF file that llama.cpp and what is built on it run.
 *
 * @module
 */

import { GGML_TYPES } from "../../engine/tensor/gguf/ggml_types.ts";
import { ggufContent, type GgufTensorSpec } from "../../engine/tensor/gguf/gguf_writer.ts";
import { type GgufMetadata, ggufString, ggufUint32 } from "../../engine/tensor/gguf/metadata.ts";
import type { WritableGgmlType } from "../../engine/tensor/gguf/quantize.ts";
import type { ByteSink } from "../../utils/atomic_file.ts";
import { describeForGguf, type GgufModelDescription } from "../gguf/metadata_from_config.ts";
import { findWeight, type MappedWeight } from "../gguf/weight_names.ts";
import { TO_GGUF, transformedShape } from "../gguf/weight_transforms.ts";
import type { LanguageModel, WeightSpec } from "../language_model.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { NamedWeight } from "../weights.ts";
import { tokenizerToGguf } from "./tokenizer_to_gguf.ts";

/** The types that most weights of a file may have. */
export const GGUF_FILE_TYPES = ["f32", "f16", "q8_0", "q4_0"] as const;

/** The type of most weights of a file. */
export type GgufFileType = (typeof GGUF_FILE_TYPES)[number];

/** A model to write. */
export interface GgufExport {
  /** The model. */
  readonly model: LanguageModel;
  /** Yields its weights, in the order of `model.weights`. */
  readonly weights: () => AsyncIterable<NamedWeight>;
  /** Its tokenizer; without one, only programs that bring their own can use the file. */
  readonly tokenizer: Tokenizer | undefined;
  /** What to call it. */
  readonly name: string;
  /** The type of most weights. */
  readonly type: GgufFileType;
  /** Told after each weight how many of how many are written. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A file that is ready to be written. */
export interface GgufExportContent {
  /** Writes it, for `writeFileAtomic`. */
  readonly content: (sink: ByteSink) => Promise<void>;
  /** What llama.cpp does otherwise. */
  readonly warnings: readonly string[];
}

interface TypeInfo {
  /** Number of the type as `general.file_type` has it. */
  readonly fileType: number;
  /** The type of matrices. */
  readonly matrix: WritableGgmlType;
  /** The type of embeddings and of the output matrix, which 4 bits would harm most. */
  readonly embedding: WritableGgmlType;
}

const TYPES: Readonly<Record<GgufFileType, TypeInfo>> = {
  f32: { fileType: 0, matrix: "F32", embedding: "F32" },
  f16: { fileType: 1, matrix: "F16", embedding: "F16" },
  q8_0: { fileType: 7, matrix: "Q8_0", embedding: "Q8_0" },
  q4_0: { fileType: 2, matrix: "Q4_0", embedding: "Q8_0" },
};

const EMBEDDINGS: readonly string[] = ["token_embd.weight", "output.weight"];

/** Matrices that stay float32, since llama.cpp adds them and does not multiply with them. */
const ALWAYS_F32 = /^position_embd\.weight$|_norm\.weight$/;

/** Version of the quantised types. */
const QUANTIZATION_VERSION = 2;

interface PlacedWeight {
  readonly spec: GgufTensorSpec;
  /** Its name and shape here, and what is done to it; undefined for what follows from the configuration. */
  readonly source: { readonly weight: WeightSpec; readonly mapped: MappedWeight } | undefined;
}

/**
 * Prepares a GGUF file.
 *
 * @throws {UserError} If llama.cpp has no such model or tokenizer.
 */
export function exportGguf(options: GgufExport): GgufExportContent {
  const { model, tokenizer, name, type, weights, onProgress = () => {} } = options;
  const description = describeForGguf(model.config);
  const written = tokenizer && tokenizerToGguf(tokenizer, { vocabSize: model.vocabSize });
  const metadata: GgufMetadata = new Map([
    ["general.architecture", ggufString(description.architecture)],
    ["general.type", ggufString("model")],
    ["general.name", ggufString(name)],
    ["general.file_type", ggufUint32(TYPES[type].fileType)],
    ["general.quantization_version", ggufUint32(QUANTIZATION_VERSION)],
    ...description.metadata,
    ...(written?.metadata ?? [["tokenizer.ggml.model", ggufString("none")] as const]),
  ]);
  const placed = placeWeights(model, description, type);
  const byName = new Map(placed.map((each) => [each.spec.name, each]));
  let stream: AsyncIterator<NamedWeight> | undefined;
  let done = 0;
  const read = async (spec: GgufTensorSpec): Promise<Float32Array> => {
    const { source } = byName.get(spec.name)!;
    stream ??= weights()[Symbol.asyncIterator]();
    const data = source === undefined
      ? description.tensors.get(spec.name)!
      : await readWeight(stream, source, description);
    onProgress(++done, placed.length);
    return data;
  };
  return {
    content: ggufContent({ metadata, tensors: placed.map(({ spec }) => spec), read }),
    warnings: [...description.warnings, ...(written?.warnings ?? [])],
  };
}

async function readWeight(
  stream: AsyncIterator<NamedWeight>,
  { weight, mapped }: NonNullable<PlacedWeight["source"]>,
  { numHeads, numKeyValueHeads }: GgufModelDescription,
): Promise<Float32Array> {
  const { value, done } = await stream.next();
  if (done || value.name !== weight.name) {
    throw new Error(`Internal: weight "${weight.name}" comes out of order`);
  }
  const { data, shape } = (value as NamedWeight).tensor;
  return TO_GGUF[mapped.transform]({ data, shape, numHeads, numKeyValueHeads }).data;
}

function placeWeights(
  model: LanguageModel,
  description: GgufModelDescription,
  type: GgufFileType,
): PlacedWeight[] {
  const factors = [...description.tensors].map(([name, { length }]): PlacedWeight => ({
    spec: { name, type: "F32", shape: [length] },
    source: undefined,
  }));
  const weights = model.weights.map((weight): PlacedWeight => {
    const mapped = findWeight(description.architecture, { hub: weight.name });
    if (mapped === undefined) throw new Error(`Internal: "${weight.name}" has no name in GGUF`);
    const shape = transformedShape(mapped.transform, weight.shape);
    const spec = { name: mapped.gguf, type: typeOf(mapped.gguf, shape, type), shape };
    return { spec, source: { weight, mapped } };
  });
  return [...factors, ...weights];
}

function typeOf(
  name: string,
  shape: readonly number[],
  type: GgufFileType,
): WritableGgmlType {
  if (shape.length < 2 || ALWAYS_F32.test(name) || !name.endsWith(".weight")) return "F32";
  const wanted = EMBEDDINGS.includes(name) ? TYPES[type].embedding : TYPES[type].matrix;
  // rows that are no whole blocks stay halves, as in llama.cpp's converter
  return shape.at(-1)! % GGML_TYPES[wanted].blockSize === 0 ? wanted : "F16";
}
