/**
 * A model with an adapter's updates in its weights, saved as a model of its own once it has been shown to compute the
 * same.
 *
 * @module
 */

import { gemm, input, reshape } from "../engine/graph/build.ts";
import { exportGraph } from "../engine/graph/export.ts";
import { encodeModel } from "../engine/onnx/model.ts";
import { openSession } from "../engine/runtime/open_session.ts";
import type { Device } from "../engine/runtime/session.ts";
import {
  bfloat16ToFloat32,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
} from "../engine/tensor/float16.ts";
import { type Tensor, tensor } from "../engine/tensor/tensor.ts";
import { openAdapter } from "../models/adapters/folder.ts";
import { type ModelContents, saveModelFolder } from "../models/hub/save_model.ts";
import { forward, type LanguageModel } from "../models/language_model.ts";
import { openStoredModel, type StoredModel } from "../models/stored/stored_model.ts";
import { UserError } from "../utils/errors.ts";
import { frozenValues } from "./training/frozen_weights.ts";
import { sequenceInputs } from "./training/sequence_inputs.ts";
import { adapterOf, bindWeights, type Trainee, wholeModel } from "./training/trainee.ts";

/** Every dtype that merged weights can be stored in. */
export const MERGED_DTYPES = ["f32", "f16", "bf16"] as const;

/** The dtype that merged weights are stored in. */
export type MergedDtype = (typeof MERGED_DTYPES)[number];

interface StoredForm {
  readonly name: string;
  readonly round: (values: Float32Array) => Tensor["data"];
  readonly widen: (data: Tensor["data"]) => Float32Array;
  /** How far logits may be from those of model and adapter, in parts of the largest. */
  readonly bound: number;
}

/** The bounds are what rounding the weights costs, with room for deep models. */
const FORMS: Readonly<Record<MergedDtype, StoredForm>> = {
  f32: {
    name: "float32",
    round: (values) => values,
    widen: (data) => data as Float32Array,
    bound: 1e-4,
  },
  f16: {
    name: "float16",
    round: float32ToFloat16,
    widen: (data) => float16ToFloat32(data as Uint16Array),
    bound: 2e-2,
  },
  bf16: {
    name: "bfloat16",
    round: float32ToBfloat16,
    widen: (data) => bfloat16ToFloat32(data as Uint16Array),
    bound: 1e-1,
  },
};

/** Options of {@linkcode mergeAdapterFolder}. */
export interface MergeAdapterOptions {
  /** Folder of the base model. */
  readonly model: string;
  /** Folder of the adapter. */
  readonly adapter: string;
  /** Folder to save the merged model in. */
  readonly output: string;
  /** How its weights are stored. @default {"f32"} */
  readonly dtype?: MergedDtype;
  /** Where the check runs. @default {"wasm"} */
  readonly device?: Device;
}

/** What {@linkcode mergeAdapterFolder} did. */
export interface MergedModel {
  /** Folder of the merged model. */
  readonly path: string;
  /** The largest difference of a logit from that of model and adapter, in parts of the largest logit. */
  readonly difference: number;
}

/** Tokens of the text on which both are compared. */
const PROBE_LENGTH = 16;

/**
 * Saves a model with an adapter's updates in its weights. Before it does, the logits of a few tokens are compared with
 * those of the model and the adapter side by side.
 *
 * @throws {UserError} If the two do not fit, the logits differ, or the folder cannot be written.
 */
export async function mergeAdapterFolder(options: MergeAdapterOptions): Promise<MergedModel> {
  const { model, adapter, output, dtype = "f32", device = "wasm" } = options;
  const form = FORMS[dtype];
  const expected = await adaptedLogits(model, { adapter, device });
  using merged = await openStoredModel(model, { adapter });
  const weights = new Map<string, Tensor>();
  for await (const { name, tensor: { shape, data } } of merged.weights()) {
    weights.set(name, {
      dtype: form.name as "float32",
      shape,
      data: form.round(data) as Float32Array,
    });
  }
  const actual = await probeLogits(wholeModel(merged.model), {
    device,
    trained: new Map([...weights].map(([name, { shape, data }]) => [
      name,
      tensor("float32", shape, form.widen(data)),
    ])),
  });
  const difference = relativeDifference(actual, expected);
  if (!(difference <= form.bound)) {
    throw new UserError(
      `Cannot merge "${adapter}" into "${model}": a logit of the result differs by ${
        difference.toExponential(1)
      } of the largest, more than ${form.bound}` +
        (dtype === "f32" ? "" : `; ${dtype} cannot hold the weights, use --dtype f32`),
    );
  }
  await saveModelFolder({ path: output, ...contentsOf(merged, { weights, dtype: form.name }) });
  return { path: output, difference };
}

function contentsOf(
  merged: StoredModel,
  { weights, dtype }: { readonly weights: ReadonlyMap<string, Tensor>; readonly dtype: string },
): ModelContents {
  const { torch_dtype: _, ...config } = merged.model.config;
  return {
    config: { ...config, dtype },
    generationConfig: merged.generationConfig,
    tensors: weights,
    tokenizerFiles: merged.tokenizer?.files ?? new Map(),
  };
}

/** Returns the probe's logits by the base model and the adapter beside it. */
async function adaptedLogits(
  path: string,
  { adapter, device }: { readonly adapter: string; readonly device: Device },
): Promise<Float32Array> {
  using base = await openStoredModel(path);
  using opened = await openAdapter(adapter);
  opened.check(base.model);
  const trainee = adapterOf(base.model, opened.config);
  const trained = new Map<string, Tensor>();
  for (const { name, shape } of trainee.parameters) {
    trained.set(name, await opened.read(name, shape));
  }
  const needed = new Set(trainee.frozen.map(({ name }) => name));
  const frozen = new Map<string, Tensor>();
  for await (const { name, tensor } of base.weights()) {
    if (needed.has(name)) frozen.set(name, tensor);
  }
  return await probeLogits(trainee, { device, trained, frozen });
}

async function probeLogits(
  trainee: Trainee,
  { device, trained, frozen = new Map() }: {
    readonly device: Device;
    readonly trained: ReadonlyMap<string, Tensor>;
    readonly frozen?: ReadonlyMap<string, Tensor>;
  },
): Promise<Float32Array> {
  const { model, parameters } = trainee;
  const values = new Map(
    parameters.map(({ name, shape }) => [name, input(name, "float32", shape)]),
  );
  const weights = bindWeights(trainee, {
    ...frozenValues(trainee, { dtype: "f32", gpu: device === "webgpu" }),
    trained: (name) => values.get(name)!,
  });
  const length = Math.min(PROBE_LENGTH, model.maxPositions);
  const { hidden } = forward(model, {
    ...weights,
    ids: input("ids", "int64", [1, length, 1]),
    ...sequenceInputs(model, { batch: 1, seqLen: length }),
  });
  const rows = reshape(hidden, [length, model.hiddenSize]);
  const logits = gemm(rows, weights.weight(weights.outputWeight), { transB: true });
  const target = device === "webgpu" ? "gpu" : "cpu";
  const graph = encodeModel(exportGraph({ logits }, { target }));
  await using session = await openSession(graph, { device });
  const outputs = await session.run({
    ...Object.fromEntries(trained),
    ...Object.fromEntries(frozen),
    ids: tensor("int64", [1, length, 1], probeIds(model, length)),
  });
  return (outputs["logits"] as Tensor<"float32">).data;
}

/** Token ids from all over the vocabulary. */
function probeIds({ vocabSize }: LanguageModel, length: number): BigInt64Array {
  return BigInt64Array.from(
    { length },
    (_, i) => BigInt(Math.floor((i + 0.5) * vocabSize / length)),
  );
}

function relativeDifference(actual: Float32Array, expected: Float32Array): number {
  let difference = 0;
  let scale = 0;
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
    scale = Math.max(scale, Math.abs(expected[i]!));
  }
  return difference / scale;
}
