/**
 * One contender of the benchmark of frozen matrices, in a process of its own: the loss of a model on 512 tokens and the
 * gradient of its embeddings, with all matrices stored in one way. Prints the times of its steps as JSON and writes the
 * gradient to a file.
 *
 * usage: frozen_linear_step.ts <device> <f32|f16|int8|int8-forward> <steps> <gradient file> [model folder] [text file]
 */

import { grad } from "../../src/engine/graph/autodiff.ts";
import {
  apply,
  gather,
  input,
  linear,
  linearCrossEntropy,
  mul,
  reduceSum,
  reshape,
  scalar,
} from "../../src/engine/graph/build.ts";
import { exportGraph } from "../../src/engine/graph/export.ts";
import {
  frozenGather,
  frozenLinear,
  frozenLinearCrossEntropy,
  type FrozenMatrix,
} from "../../src/engine/graph/frozen.ts";
import { type Op, topologicalOrder, type Value } from "../../src/engine/graph/value.ts";
import { encodeModel } from "../../src/engine/onnx/model.ts";
import { openSession } from "../../src/engine/runtime/open_session.ts";
import type { Device } from "../../src/engine/runtime/session.ts";
import { float32ToFloat16 } from "../../src/engine/tensor/float16.ts";
import { quantizeRows } from "../../src/engine/tensor/quantize.ts";
import { type Tensor, tensor } from "../../src/engine/tensor/tensor.ts";
import { sequenceInputs } from "../../src/core/training/sequence_inputs.ts";
import { initialWeights } from "../../src/core/training/initialize.ts";
import { createModel } from "../../src/models/architectures.ts";
import { openModelFolder } from "../../src/models/hub/folder.ts";
import type { LanguageModel } from "../../src/models/language_model.ts";
import { loadTokenizer } from "../../src/models/tokenizer/load_tokenizer.ts";
import { type NamedWeight, readWeights } from "../../src/models/weights.ts";
import { printLine } from "./print_line.ts";

/** How the matrices are stored; the last computes only the forward products in 8 bits. */
export const VARIANTS = ["f32", "f16", "int8", "int8-forward"] as const;

/** How the matrices are stored. */
export type Variant = (typeof VARIANTS)[number];

const SEQ_LEN = 512;
const THREADS = 2;

/** The shape of SmolLM2-135M, for when there is no folder of it. */
const SHAPE = {
  model_type: "llama",
  hidden_size: 576,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  vocab_size: 49152,
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-5,
  rope_theta: 100000,
  tie_word_embeddings: true,
};

type Feeds = Record<string, Tensor>;

/** Returns a weight as `variant` stores it, by the names of inputs. */
function store({ name, tensor: matrix }: NamedWeight, variant: Variant): Feeds {
  if (variant === "f32" || matrix.shape.length === 1) return { [name]: matrix };
  if (variant === "f16") {
    return { [name]: tensor("float16", matrix.shape, float32ToFloat16(matrix.data)) };
  }
  const { weight, scales } = quantizeRows(matrix);
  return { [name]: weight, [`${name}.scales`]: scales };
}

/** Describes the loss, and its gradient with respect to the embeddings of the tokens. */
function lossAndGradient(
  model: LanguageModel,
  feeds: Feeds,
): { loss: Value; gradient: Value } {
  const inputs = new Map(
    Object.entries(feeds).map(([name, { dtype, shape }]) => [name, input(name, dtype, shape)]),
  );
  const weight = (name: string): Value => inputs.get(name)!;
  const matrix = (name: string): FrozenMatrix => ({
    weight: weight(name),
    scales: inputs.get(`${name}.scales`),
  });
  const isPlain = weight(model.outputWeight).dtype === "float32";
  const ids = weight("ids");
  const embedded = isPlain
    ? gather(weight(model.outputWeight), ids)
    : frozenGather(matrix(model.outputWeight), ids);
  const forward = {
    weight,
    project: (x: Value, { name }: { readonly name: string }) =>
      isPlain ? linear(x, weight(`${name}.weight`)) : frozenLinear(x, matrix(`${name}.weight`)),
    ids,
    ...sequenceInputs(model, { batch: 1, seqLen: SEQ_LEN }),
  };
  let hidden = embedded;
  for (let layer = 0; layer < model.numLayers; layer++) {
    hidden = model.runLayer(hidden, { ...forward, layer }).hidden;
  }
  const flat = reshape(model.finish(hidden, forward), [SEQ_LEN, model.hiddenSize]);
  const output = { ...matrix(model.outputWeight), targets: weight("targets") };
  const losses = isPlain
    ? linearCrossEntropy(flat, output)
    : frozenLinearCrossEntropy(flat, output);
  const loss = reshape(mul(reduceSum(losses, [0, 1]), scalar(1 / SEQ_LEN)), []);
  return { loss, gradient: grad(loss, [embedded])[0]! };
}

/** Returns values whose products of gradients are exact. */
function withExactBackward(values: readonly Value[]): Value[] {
  const rebuilt = new Map<Value, Value>();
  for (const value of topologicalOrder(values)) {
    const inputs = value.inputs.map((each) => rebuilt.get(each)!);
    const leaf = inputs.length === 0;
    const attributes = value.op === "FrozenGemm" && !value.attributes.transB
      ? { ...value.attributes, exact: true }
      : value.attributes;
    rebuilt.set(value, leaf ? value : apply(value.op as Op, inputs, attributes));
  }
  return values.map((value) => rebuilt.get(value)!);
}

async function tokens(folder: string | undefined, text: string | undefined): Promise<number[]> {
  const tokenizer = folder === undefined ? undefined : await loadTokenizer(folder);
  if (tokenizer === undefined || text === undefined) {
    return Array.from({ length: SEQ_LEN + 1 }, (_, i) => (i * 7 + Math.floor(i / 13)) % 500);
  }
  return tokenizer.encode((await Deno.readTextFile(text)).slice(0, 20_000)).slice(0, SEQ_LEN + 1);
}

if (import.meta.main) {
  const [device, variant, steps, file, folder, text] = Deno.args as [
    Device,
    Variant,
    string,
    string,
    string?,
    string?,
  ];
  const opened = folder === undefined ? undefined : await openModelFolder(folder);
  const model = createModel(opened?.config ?? SHAPE);
  const feeds: Feeds = {};
  for await (
    const weight of opened === undefined ? initialWeights(model, 0) : readWeights(model, opened)
  ) Object.assign(feeds, store(weight, variant));
  const ids = BigInt64Array.from(await tokens(folder, text), BigInt);
  feeds.ids = tensor("int64", [1, SEQ_LEN, 1], ids.slice(0, SEQ_LEN));
  feeds.targets = tensor("int64", [SEQ_LEN, 1], ids.slice(1));

  const described = lossAndGradient(model, feeds);
  const [loss, gradient] = variant === "int8-forward"
    ? withExactBackward([described.loss, described.gradient])
    : [described.loss, described.gradient];
  await using session = await openSession(
    encodeModel(exportGraph({ loss: loss!, gradient: gradient! })),
    { device, threads: THREADS },
  );
  // What reading the weights left behind does not count.
  (globalThis as { gc?: () => void }).gc?.();
  await Deno.writeTextFile("/proc/self/clear_refs", "5");
  const times: number[] = [];
  let results: Record<string, Tensor> = {};
  for (let step = 0; step < Number(steps); step++) {
    const started = performance.now();
    results = await session.run(feeds) as Record<string, Tensor>;
    times.push(performance.now() - started);
  }
  const { data } = results.gradient as Tensor<"float32">;
  await Deno.writeFile(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const { VmHWM } = Object.fromEntries(
    (await Deno.readTextFile("/proc/self/status")).split("\n").map((line) => line.split(/:\s+/)),
  );
  const loss64 = Number(results.loss!.data[0]);
  printLine(JSON.stringify({ times, loss: loss64, peakBytes: parseInt(VmHWM) * 1024 }));
  Deno.exit(0);
}
