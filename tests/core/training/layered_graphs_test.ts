import assert from "node:assert/strict";
import type { FrozenDtype } from "../../../src/core/training/frozen_weights.ts";
import { storeFrozen } from "../../../src/core/training/frozen_weights.ts";
import { GradientSums } from "../../../src/core/training/gradient_sums.ts";
import type { HostGraphs, HostGraphsOptions } from "../../../src/core/training/host_graphs.ts";
import { LayeredGraphs } from "../../../src/core/training/layered_graphs.ts";
import type { LossRegularization } from "../../../src/core/training/loss_graph.ts";
import { adapterOf, type Trainee, wholeModel } from "../../../src/core/training/trainee.ts";
import { WholeGraph } from "../../../src/core/training/whole_graph.ts";
import type { MicroBatch } from "../../../src/datasets/batch.ts";
import { IGNORED_LABEL } from "../../../src/datasets/labels.ts";
import { encodeModel } from "../../../src/engine/onnx/model.ts";
import { openSession } from "../../../src/engine/runtime/open_session.ts";
import type { Device } from "../../../src/engine/runtime/session.ts";
import { elementCount, type Tensor, tensor } from "../../../src/engine/tensor/tensor.ts";
import { LORA_DEFAULTS, type LoraConfig } from "../../../src/models/adapters/lora_config.ts";
import { createModel } from "../../../src/models/architectures.ts";
import type { WeightSpec } from "../../../src/models/language_model.ts";
import { createRandom } from "../../../src/utils/random.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { TINY_CONFIG, VOCABULARY } from "../../e2e/tiny_model.ts";

const NUM_LAYERS = 4;

/** Adds up a step of two micro-batches of different shapes. */
const SHAPES = [{ batch: 2, seqLen: 11 }, { batch: 3, seqLen: 8 }];

/** So small that the head takes several chunks, and that the last begins with tokens of the one before. */
const MAX_LOGITS = 5 * VOCABULARY;

interface Case {
  readonly name: string;
  readonly tied?: boolean;
  readonly lora?: Partial<LoraConfig>;
  readonly frozenDtype?: FrozenDtype;
  readonly regularization?: LossRegularization;
  /** How far gradients may be off, of the largest in their tensor. @default {2e-6} */
  readonly bound?: number;
  /** Graphs that are compiled for each shape to train and evaluate. */
  readonly graphs: number;
}

const CASES: readonly Case[] = [
  // embeddings, layers and head, each forward and backward
  { name: "all weights", graphs: 6 },
  { name: "all weights, tied", tied: true, graphs: 6 },
  // evaluation has neither noise nor smoothing, so that what goes forward is another graph, but for the layers
  {
    name: "NEFTune and label smoothing",
    regularization: { labelSmoothing: 0.1, neftuneAlpha: 5 },
    graphs: 8,
  },
  // frozen embeddings have no gradients; without dropout, training and evaluation share what goes forward
  { name: "LoRA over float16", lora: {}, frozenDtype: "f16", graphs: 5 },
  // an element on the edge between two integers may be rounded to either: 1/127 of its row; the matrices by which rows
  // are rotated are equal, though not the same
  { name: "LoRA over int8", lora: {}, frozenDtype: "int8", bound: 1e-2, graphs: 5 },
  // with it, they do not, and each layer has its own masks
  { name: "DoRA with dropout", lora: { useDora: true, dropout: 0.3 }, graphs: 7 },
  // layers without an adapter are made otherwise; those below the first with one need no gradients
  { name: "LoRA in some layers", lora: { layersToTransform: [1, 3] }, graphs: 7 },
  { name: "LoRA in the last layer", lora: { layersToTransform: [3] }, graphs: 6 },
  {
    name: "LoRA with whole modules",
    tied: true,
    lora: { modulesToSave: ["embed_tokens", "lm_head", "layers.2.input_layernorm"] },
    graphs: 8,
  },
];

function randomTensor({ name, shape }: WeightSpec): Tensor<"float32"> {
  const random = createRandom([...name].reduce((hash, c) => hash * 31 + c.charCodeAt(0) | 0, 7));
  const scale = shape.length === 1 ? 1 : 0.3;
  const data = new Float32Array(elementCount(shape));
  for (let i = 0; i < data.length; i++) data[i] = scale * random.normal();
  return tensor("float32", shape, data);
}

function randomBatch({ batch, seqLen }: { batch: number; seqLen: number }): MicroBatch {
  const random = createRandom(batch);
  const tokens = batch * seqLen;
  const ids = Int32Array.from({ length: tokens }, () => random.next() * VOCABULARY);
  const labels = ids.map((id, i) => (i % 4 === 0 ? IGNORED_LABEL : (id * 7 + 3) % VOCABULARY));
  return { ids, labels, batch, seqLen, trainedTokens: tokens, tokens };
}

function traineeOf({ tied = false, lora }: Case): Trainee {
  const model = createModel({
    ...TINY_CONFIG,
    num_hidden_layers: NUM_LAYERS,
    tie_word_embeddings: tied,
  });
  return lora === undefined
    ? wholeModel(model)
    : adapterOf(model, { ...LORA_DEFAULTS, rank: 3, ...lora });
}

interface Figures {
  readonly losses: readonly number[];
  readonly gradients: Readonly<Record<string, Tensor<"float32">>>;
  readonly graphs: number;
}

async function compute(
  testCase: Case,
  device: Device,
  create: (trainee: Trainee, options: HostGraphsOptions) => HostGraphs,
): Promise<Figures> {
  const trainee = traineeOf(testCase);
  const { frozenDtype = "f32", regularization } = testCase;
  const storage = { dtype: frozenDtype, gpu: false } as const;
  const gradients = Object.fromEntries(trainee.parameters.map((spec) => [
    spec.name,
    tensor("float32", spec.shape, new Float32Array(elementCount(spec.shape)).fill(NaN)),
  ]));
  const sums = new GradientSums(gradients);
  const frozen: Record<string, Tensor> = {};
  for (const spec of trainee.frozen) {
    const weight = randomTensor(spec);
    Object.assign(
      frozen,
      storeFrozen({ name: spec.name, tensor: weight }, { model: trainee.model, storage }),
    );
  }
  let count = 0;
  const weightsOf = (prefix: string) =>
    Object.fromEntries(
      trainee.parameters.map((spec) => [
        spec.name,
        randomTensor({ ...spec, name: prefix + spec.name }),
      ]),
    );
  await using graphs = create(trainee, {
    tensors: {
      weights: weightsOf(""),
      evaluated: weightsOf("average of "),
      gradients: sums,
      frozen,
    },
    storage,
    regularization,
    compile: (graph) => {
      count++;
      return openSession(encodeModel(graph), { device, threads: 2 });
    },
  });
  const losses: number[] = [];
  for (const [seed, shape] of SHAPES.entries()) {
    const batch = randomBatch(shape);
    losses.push(await graphs.accumulate(batch, { tokenWeight: 0.1, seed }));
    losses.push(await graphs.evaluate(batch));
  }
  sums.complete();
  return { losses, gradients, graphs: count };
}

function largest(data: Float32Array): number {
  return data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
}

for (const device of AVAILABLE_DEVICES.filter((device) => device !== "webgpu")) {
  for (const testCase of CASES) {
    Deno.test(`LayeredGraphs gives WholeGraph's losses and gradients on ${device}: ${testCase.name}`, async () => {
      const whole = await compute(
        testCase,
        device,
        (trainee, options) => new WholeGraph(trainee, options),
      );
      const layered = await compute(
        testCase,
        device,
        (trainee, options) => new LayeredGraphs(trainee, { ...options, maxLogits: MAX_LOGITS }),
      );
      const { bound = 2e-6 } = testCase;
      for (const [i, loss] of whole.losses.entries()) {
        const error = Math.abs(layered.losses[i]! - loss) / loss;
        assert.ok(
          error < Math.max(1e-6, bound / 10),
          `loss ${i} is ${layered.losses[i]}, not ${loss}`,
        );
      }
      for (const [name, { data }] of Object.entries(whole.gradients)) {
        const scale = largest(data);
        assert.ok(scale > 0, `${name} has a gradient`);
        const difference = layered.gradients[name]!.data.map((x, i) => x - data[i]!);
        const error = largest(difference) / scale;
        assert.ok(error < bound, `the gradient of ${name} is off by ${error} of its scale`);
        assert.ok(!difference.some(Number.isNaN), `the gradient of ${name} is a number`);
      }
      assert.equal(layered.graphs, testCase.graphs * SHAPES.length);
    });
  }
}
